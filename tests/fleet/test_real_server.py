"""One instance of the fleet with the real model server, from its start to a spot interruption."""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest

from llm.v1 import llm_pb2, llm_pb2_grpc
from tests.doubles.aws import Aws
from tests.doubles.tiny_model import make_scripted_model
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer
from tests.fleet.fleet import Fleet
from tests.fleet.instance import ServerProgram

CONTEXT_LENGTH = 65_536
# Long enough to be cut off by a server that does not wait: the request to stop comes after 3 s.
STREAM_SECONDS = 8.0
WARM_UP_TOKENS = 300

pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a model that answers with one word for ever."""
    folder = tmp_path_factory.mktemp("model")
    tokenizer = make_tiny_tokenizer(["word "])
    scripts = {"<|assistant|>": ["word "], "word ": ["word "]}
    make_scripted_model(tokenizer, scripts, CONTEXT_LENGTH).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture
def fleet(model: Path, tmp_path: Path) -> Iterator[Fleet]:
    settings = {
        "MODEL_NAME": str(model),
        "DEVICE": "cpu",
        "DTYPE": "float32",
        "MAX_BATCH_SIZE": "2",
        "MAX_CONTEXT_LENGTH": str(CONTEXT_LENGTH),
        "MAX_TOKENS_LIMIT": str(CONTEXT_LENGTH),
        "CACHE_MEMORY_SHARE": "0.02",
        "DRAIN_SECONDS": "30",
        "HF_HUB_OFFLINE": "1",
    }
    aws = Aws()
    aws.start()
    fleet = Fleet(aws, tmp_path, ServerProgram("llm_service.main", settings))
    try:
        yield fleet
    finally:
        fleet.stop()
        aws.stop()


def stream(fleet: Fleet, ip: str, tokens: int) -> Iterator[llm_pb2.GenerateStreamResponse]:
    """Generates from an instance's server."""
    with grpc.insecure_channel(f"{ip}:{fleet.client.port}") as channel:
        request = llm_pb2.GenerateStreamRequest(
            prompt="word ", sampling=llm_pb2.SamplingParams(temperature=0, max_tokens=tokens)
        )
        yield from llm_pb2_grpc.LlmServiceStub(channel).GenerateStream(request, timeout=120)


def test_the_real_server_is_registered_gated_and_drained(fleet: Fleet) -> None:
    fleet.start(1)
    instance = fleet.any_instance()
    # Registered while the model still loads, and nobody is sent there.
    fleet.until(lambda: fleet.registered() == {instance.id: "UNHEALTHY"})
    assert fleet.aws.lifecycle.signals == []
    fleet.until(fleet.is_whole)
    fleet.until(lambda: fleet.aws.lifecycle.signals == [(instance.id, "SUCCESS")])

    started = time.monotonic()
    *_, last = stream(fleet, instance.ip, WARM_UP_TOKENS)
    assert last.usage.completion_tokens == WARM_UP_TOKENS
    rate = WARM_UP_TOKENS / (time.monotonic() - started)
    wanted = min(CONTEXT_LENGTH // 2, int(rate * STREAM_SECONDS))

    answer: list[llm_pb2.GenerateStreamResponse] = []
    begun = threading.Event()

    def read() -> None:
        for response in stream(fleet, instance.ip, wanted):
            answer.append(response)
            begun.set()

    reading = threading.Thread(target=read)
    reading.start()
    assert begun.wait(30)
    instance.metadata.announce_spot_interruption()
    fleet.until(lambda: fleet.registered() == {})
    fleet.until(lambda: not instance.server.is_running)
    reading.join()
    assert instance.server.exit_code == 0, instance.server.log.read_text()
    assert answer[-1].finish_reason == llm_pb2.FINISH_REASON_LENGTH
    assert answer[-1].usage.completion_tokens == wanted
    text = "".join(itertools.chain(response.text_delta for response in answer))
    assert text == "word " * wanted
