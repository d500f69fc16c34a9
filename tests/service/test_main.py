from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import grpc
import pytest
from transformers import PreTrainedTokenizerFast

from llm.v1 import llm_pb2, llm_pb2_grpc
from llm_service.client.client_error import ClientError
from llm_service.client.llm_client import LlmClient
from tests.doubles.llm_calls import sampling
from tests.doubles.server_process import PATIENCE_SECONDS, ROOT, ServerProcess
from tests.doubles.tiny_model import make_scripted_model
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer


@pytest.fixture(scope="module")
def model_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that repeats an A for ever, as a folder."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer: PreTrainedTokenizerFast = make_tiny_tokenizer()
    make_scripted_model(
        tokenizer, {"A": ("A",), "<|assistant|>": ("A",)}, context_length=200_000
    ).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def run_main(*arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Runs the server's module to its end."""
    return subprocess.run(
        [sys.executable, "-m", "llm_service.main", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "service"), **settings},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def run_client(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the client's module."""
    return subprocess.run(
        [sys.executable, "-m", "llm_service.client", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT / "service")},
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )


def test_wrong_settings_end_the_start_with_a_line_each() -> None:
    ended = run_main(PORT="http", MAX_BATCH_SIZE="none")
    assert ended.returncode == 2
    assert ended.stderr.splitlines() == [
        "PORT=http: must be a whole number, 1 to 65535",
        "MAX_BATCH_SIZE=none: must be a whole number, 1 to 1024",
    ]


def test_help_lists_the_settings() -> None:
    ended = run_main("--help")
    assert ended.returncode == 0
    assert "PORT=50051" in ended.stdout
    assert run_main("--port=1").returncode == 2


def test_a_model_that_is_not_there_ends_the_start() -> None:
    with ServerProcess(MODEL_NAME="/no/such/model") as server:
        assert server.exit_code() == 1
        assert "MODEL_NAME=/no/such/model: no such folder" in server.log()
        assert "Traceback" not in server.log()


def test_a_port_in_use_ends_the_start() -> None:
    with ServerProcess(MODEL_NAME="/no/such/model") as first:
        first.wait_until_listening()
        with ServerProcess(PORT=str(first.port)) as second:
            assert second.exit_code() == 1
            assert f"PORT={first.port}: cannot listen there" in second.log()


def test_sigterm_while_the_model_loads_ends_the_process(model_folder: Path) -> None:
    with ServerProcess(MODEL_NAME=str(model_folder)) as server:
        server.wait_for_log("listening")
        server.terminate()
        assert server.exit_code() == 0


def test_sigterm_in_the_middle_of_a_stream_lets_it_finish(model_folder: Path) -> None:
    with ServerProcess(MODEL_NAME=str(model_folder), LOG_FORMAT="json") as server:
        server.wait_until_serving()
        with grpc.insecure_channel(server.address) as channel:
            stub = llm_pb2_grpc.LlmServiceStub(channel)
            request = llm_pb2.GenerateStreamRequest(prompt="A", sampling=sampling(max_tokens=400))
            stream = stub.GenerateStream(request, timeout=PATIENCE_SECONDS)
            pieces = [next(stream)]
            server.terminate()
            server.wait_for_log("draining")
            with pytest.raises(grpc.RpcError) as refused:
                stub.Generate(llm_pb2.GenerateRequest(prompt="A"))
            pieces += list(stream)
        assert refused.value.code() is grpc.StatusCode.UNAVAILABLE
        assert "".join(piece.text_delta for piece in pieces) == "A" * 400
        assert server.exit_code() == 0
        lines = [json.loads(line) for line in server.log().splitlines()]
    assert lines[-1]["message"] == "stopped"
    (request,) = (line for line in lines if line.get("method") == "GenerateStream")
    assert (request["outcome"], request["completion_tokens"]) == ("length", 400)


def test_a_second_sigterm_does_not_wait_for_answers(model_folder: Path) -> None:
    with ServerProcess(
        MODEL_NAME=str(model_folder),
        MAX_BATCH_SIZE="1",
        MAX_CONTEXT_LENGTH="200000",
        MAX_TOKENS_LIMIT="190000",
        DRAIN_SECONDS="3600",
    ) as server:
        server.wait_until_serving()
        with grpc.insecure_channel(server.address) as channel:
            stub = llm_pb2_grpc.LlmServiceStub(channel)
            stream = stub.GenerateStream(
                llm_pb2.GenerateStreamRequest(prompt="A", sampling=sampling(ignore_eos=True))
            )
            next(stream)
            server.terminate()
            server.wait_for_log("draining")
            server.terminate()
            assert server.exit_code() == 0


def test_the_client_prints_the_answer_and_says_why_it_failed(model_folder: Path) -> None:
    with ServerProcess(MODEL_NAME=str(model_folder)) as server:
        asked = run_client("--address", server.address, "--max-tokens=5", "--temperature=0", "Hi")
        refused = run_client("--address", server.address, "--temperature=9", "Hi")
        with LlmClient(server.address) as client, pytest.raises(ClientError) as caught:
            list(client.chat_stream([]))
    assert (asked.returncode, asked.stdout) == (0, "AAAAA\n")
    assert "[length: 5 prompt tokens, 5 completion tokens, first after" in asked.stderr
    assert "tokens/s]" in asked.stderr
    assert (refused.returncode, refused.stdout) == (1, "")
    assert "INVALID_ARGUMENT: sampling.temperature: 9.0 must be 0 to 2" in refused.stderr
    assert "INVALID_ARGUMENT: messages: must have at least one message" in str(caught.value)


def test_the_client_gives_up_on_a_server_that_is_not_there() -> None:
    waits: list[str] = []
    with LlmClient("127.0.0.1:9") as client, pytest.raises(ClientError, match=r"after 0\.5 s"):
        client.wait_until_serving(0.5, lambda _seconds, state: waits.append(state))
    assert "not reachable (UNAVAILABLE)" in waits


def test_the_client_needs_no_torch() -> None:
    code = (
        "import sys, llm_service.client.__main__;"
        "sys.exit(bool({'torch', 'transformers', 'llm_service.engine'} & set(sys.modules)))"
    )
    subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "service")},
        check=True,
        timeout=PATIENCE_SECONDS,
    )
