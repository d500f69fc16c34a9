from __future__ import annotations

import asyncio
import datetime
import time
from pathlib import Path

import grpc
import grpc.aio
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from llm.v1 import llm_pb2, llm_pb2_grpc
from llm_service.client.client_credentials import ClientCredentials
from llm_service.client.client_error import ClientError
from llm_service.client.llm_client import LlmClient
from tests.doubles.llm_calls import collect, conversation, joined_text, sampling
from tests.doubles.llm_server import LlmServer
from tests.doubles.tiny_model import make_scripted_model

HOST = "llm-service.internal"


@pytest.fixture
def certificate(tmp_path: Path) -> tuple[Path, Path]:
    """Files of a self-signed certificate and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    now = datetime.datetime.now(datetime.timezone.utc)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(HOST)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    chain_file, key_file = tmp_path / "chain.pem", tmp_path / "key.pem"
    chain_file.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    key_file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return chain_file, key_file


async def test_with_a_certificate_the_port_speaks_tls_alone(
    tokenizer: PreTrainedTokenizerFast,
    random_model: LlamaForCausalLM,
    certificate: tuple[Path, Path],
) -> None:
    chain, key = certificate
    request = llm_pb2.GenerateRequest(prompt="x", sampling=sampling(max_tokens=2))
    async with LlmServer(
        random_model, tokenizer, tls_certificate_file=chain, tls_key_file=key
    ) as server:
        credentials = grpc.ssl_channel_credentials(chain.read_bytes())
        options = [("grpc.ssl_target_name_override", HOST)]
        async with grpc.aio.secure_channel(server.address, credentials, options) as channel:
            answer = await llm_pb2_grpc.LlmServiceStub(channel).Generate(request)
        with pytest.raises(grpc.aio.AioRpcError) as refused:
            await server.stub.Generate(request)  # in plain text
    assert answer.usage.completion_tokens == 2
    assert refused.value.code() is grpc.StatusCode.UNAVAILABLE


async def test_an_old_connection_is_replaced_and_its_stream_goes_on(
    tokenizer: PreTrainedTokenizerFast,
) -> None:
    model = make_scripted_model(tokenizer, {"A": ("A",)})
    async with LlmServer(model, tokenizer, max_connection_age_seconds=1) as server:
        server.brake.slow_down(0.03)
        request = llm_pb2.GenerateStreamRequest(prompt="A", sampling=sampling(max_tokens=100))
        started = time.monotonic()
        stream = server.stub.GenerateStream(request)
        first = await stream.read()
        assert server.channel.get_state() is grpc.ChannelConnectivity.READY
        # The age has a jitter of 10 %: by its end the server has said goodbye to new calls.
        answer = joined_text([first, *await collect(stream)])
        assert time.monotonic() - started > 2
        assert server.channel.get_state() is not grpc.ChannelConnectivity.READY
        again = await server.stub.Generate(llm_pb2.GenerateRequest(prompt="B"))
    assert answer.text == "A" * 100
    assert again.finish_reason == llm_pb2.FINISH_REASON_STOP


async def test_the_client_speaks_tls_and_checks_the_name(
    tokenizer: PreTrainedTokenizerFast,
    random_model: LlamaForCausalLM,
    certificate: tuple[Path, Path],
) -> None:
    chain, key = certificate
    named = {"LLM_TLS_CA_FILE": str(chain), "LLM_TLS_NAME": HOST}

    def ask(environment: dict[str, str], wait: float) -> int:
        with LlmClient(server.address, ClientCredentials.from_environment(environment)) as client:
            client.wait_until_serving(wait)
            *_, last = client.chat_stream(conversation("Hi"), sampling(max_tokens=2))
            return last.completion_tokens

    async with LlmServer(
        random_model, tokenizer, tls_certificate_file=chain, tls_key_file=key
    ) as server:
        assert await asyncio.to_thread(ask, named, 60) == 2
        with pytest.raises(ClientError, match="not reachable"):
            await asyncio.to_thread(ask, {"LLM_TLS_CA_FILE": str(chain)}, 1)
