"""Writes the health service's descriptors to a file that grpcurl reads with -protoset.

The container's health check then works with server reflection switched off, and with exactly the
protocol of the installed grpcio-health-checking.

Usage: python health_protoset.py FILE
"""

import sys
from pathlib import Path

from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_health.v1 import health_pb2


def main(path: Path) -> None:
    """Writes a FileDescriptorSet of health.proto alone, which imports nothing."""
    descriptors = FileDescriptorSet()
    health_pb2.DESCRIPTOR.CopyToProto(descriptors.file.add())
    path.write_bytes(descriptors.SerializeToString())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
