"""The descriptor file that lets grpcurl ask the health service without reflection."""

import runpy
import sys
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

SCRIPT = Path(__file__).resolve().parents[2] / "service" / "image" / "health_protoset.py"


def test_it_describes_the_whole_health_service_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "health.protoset"
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), str(path)])
    runpy.run_path(str(SCRIPT), run_name="__main__")

    descriptors = FileDescriptorSet.FromString(path.read_bytes())
    pool = DescriptorPool()
    for file in descriptors.file:
        pool.Add(file)  # fails if a file that it imports is missing
    service = pool.FindServiceByName("grpc.health.v1.Health")
    assert {"Check", "Watch"} <= set(service.methods_by_name)
