from __future__ import annotations

import asyncio
import datetime
import ipaddress
from pathlib import Path

import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from llm_service.node.probe import Probe
from tests.doubles.health_server import NOT_SERVING, HealthServer


def probe_of(server: HealthServer, timeout: float = 2.0) -> Probe:
    return Probe("127.0.0.1", server.port, timeout)


async def test_a_serving_server_is_fine(health_server: HealthServer) -> None:
    assert await probe_of(health_server).failure() is None


async def test_a_server_that_loads_or_drains_is_not(health_server: HealthServer) -> None:
    await health_server.set(NOT_SERVING)
    assert await probe_of(health_server).failure() == "health is NOT_SERVING"


async def test_nobody_listens(health_server: HealthServer) -> None:
    await health_server.stop()
    failure = await probe_of(health_server).failure()
    assert failure is not None
    assert failure.startswith("no connection")


async def test_a_frozen_server_accepts_and_never_answers(health_server: HealthServer) -> None:
    port = health_server.port
    await health_server.stop()
    frozen = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", port)
    assert await probe_of(health_server, 0.3).failure() == "no answer within 0.3 s"
    frozen.close()


async def test_a_server_of_something_else(health_server: HealthServer) -> None:
    await health_server.stop()
    other = grpc.aio.server()
    port = other.add_insecure_port("127.0.0.1:0")
    await other.start()
    failure = await Probe("127.0.0.1", port, 2.0).failure()
    assert failure is not None
    assert failure.startswith("health check failed: UNIMPLEMENTED")
    await other.stop(None)


async def refuse_then_serve(server: HealthServer) -> str | None:
    """Probes a port that hangs up, then the server there; returns what the last probe said."""
    await server.stop()
    # Accepts and hangs up, so that gRPC gets as far as to back off.
    refusing = await asyncio.start_server(
        lambda reader, writer: writer.close(), "127.0.0.1", server.port
    )
    for _ in range(4):
        assert await probe_of(server).failure() is not None
    refusing.close()
    await refusing.wait_closed()
    await server.start()
    return await probe_of(server, 0.9).failure()


async def test_sees_a_server_that_is_back_at_once(health_server: HealthServer) -> None:
    # A connection that is kept or shared waits for its backoff, a second and more, every time; a
    # busy machine makes one probe late, and not all of them.
    assert None in [await refuse_then_serve(health_server) for _ in range(4)]


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """A self-signed certificate for llm-service.internal, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "llm-service.internal")])
    now = datetime.datetime.now(datetime.timezone.utc)
    names = [x509.DNSName("llm-service.internal"), x509.IPAddress(ipaddress.ip_address("::1"))]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain_file, key_file = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain_file.write_bytes(built.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain_file, key_file


async def test_probes_a_server_that_speaks_tls(certificate: tuple[Path, Path]) -> None:
    server = HealthServer(certificate)
    await server.start()
    right = Probe("127.0.0.1", server.port, 2.0, certificate[0], "llm-service.internal")
    assert await right.failure() is None
    wrong = Probe("127.0.0.1", server.port, 2.0, certificate[0], "somebody.else")
    assert await wrong.failure() is not None
    await server.stop()


async def test_a_missing_root_file_is_a_failure_and_no_crash(
    health_server: HealthServer, tmp_path: Path
) -> None:
    probe = Probe("127.0.0.1", health_server.port, 2.0, tmp_path / "none.pem")
    failure = await probe.failure()
    assert failure is not None
    assert "none.pem" in failure
