"""One bad request hurts nobody."""

import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerFast

from llm_service.engine.errors import EngineStoppedError
from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.generation_output import GenerationOutput
from llm_service.engine.generation_request import GenerationRequest
from llm_service.engine.sampling_params import SamplingParams
from tests.service.engine.answers import PATIENCE_SECONDS, Answer, submit
from tests.service.engine.conftest import StartEngine
from tests.service.engine.gate import Gate
from tests.service.engine.small_models import make_small_model

SAMPLING = SamplingParams(max_tokens=30, temperature=0, ignore_eos=True)
# A token whose embedding is made invalid, and that no answer has.
POISON = 300
PROMPTS = ([1, 2, 3], [40, 41, 42, 43, 44, 45, 46, 47, 48, 49], [100])


@pytest.fixture(params=["llama", "deepseek_v3", "gemma2"])
def poisoned_model(request: pytest.FixtureRequest) -> PreTrainedModel:
    model = make_small_model(request.param)
    with torch.no_grad():
        model.get_input_embeddings().weight[POISON] = torch.nan
        # Far below all others.
        model.get_output_embeddings().weight[POISON] = 0
    return model


def test_a_request_with_invalid_logits_fails_alone(
    poisoned_model: PreTrainedModel, start_engine: StartEngine
) -> None:
    engine = start_engine(poisoned_model)
    expected = [submit(engine, prompt, SAMPLING).wait().tokens for prompt in PROMPTS]
    answers = [submit(engine, prompt, SAMPLING) for prompt in PROMPTS]
    bad = submit(engine, [7, POISON, *range(20)], SAMPLING)
    assert bad.wait().finish_reason is FinishReason.ERROR
    assert bad.last.error == "the model's output is not a number"
    assert bad.tokens == []
    assert [answer.wait().tokens for answer in answers] == expected
    assert engine.is_healthy()
    assert engine.stats().cache_usage == 0


def test_invalid_numbers_do_not_stay_in_the_cache(
    poisoned_model: PreTrainedModel, start_engine: StartEngine
) -> None:
    # Room for one request only: the good one gets the bad one's blocks.
    engine = start_engine(poisoned_model, max_batch_size=1, max_context_length=48)
    expected = submit(engine, PROMPTS[1], SAMPLING).wait().tokens
    for _ in range(3):
        bad = submit(engine, [POISON] * 18, SAMPLING).wait()
        assert bad.finish_reason is FinishReason.ERROR
        assert bad.last.cached_tokens == 0
        assert submit(engine, PROMPTS[1], SAMPLING).wait().tokens == expected


def test_a_request_that_the_model_fails_on_fails_alone(start_engine: StartEngine) -> None:
    model = make_small_model("llama")
    engine = start_engine(model)
    expected = [submit(engine, prompt, SAMPLING).wait().tokens for prompt in PROMPTS]

    def refuse(_module: torch.nn.Module, arguments: tuple[torch.Tensor]) -> None:
        if (arguments[0] == POISON).any():
            raise RuntimeError("out of memory")

    model.get_input_embeddings().register_forward_pre_hook(refuse)
    answers = [submit(engine, prompt, SAMPLING) for prompt in PROMPTS]
    bad = submit(engine, [7, POISON], SAMPLING).wait()
    assert bad.finish_reason is FinishReason.ERROR
    assert bad.last.error == "the model failed: RuntimeError('out of memory')"
    assert [answer.wait().tokens for answer in answers] == expected
    assert engine.stats().cache_usage == 0


def test_a_callback_that_raises_ends_its_own_request_only(start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model("llama"))
    received: list[GenerationOutput] = []

    def fail(output: GenerationOutput) -> None:
        received.append(output)
        raise ConnectionResetError("the caller is gone")

    expected = submit(engine, PROMPTS[0], SAMPLING).wait().tokens
    engine.submit(GenerationRequest("bad", (5, 6), SAMPLING), fail)
    good = submit(engine, PROMPTS[0], SAMPLING).wait()
    assert good.tokens == expected
    assert engine.drain(PATIENCE_SECONDS)
    assert len(received) == 1
    assert engine.stats().cache_usage == 0


def test_a_token_that_cannot_be_decoded_ends_its_own_request_only(
    byte_tokenizer: PreTrainedTokenizerFast,
    start_engine: StartEngine,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = start_engine(make_small_model("llama"))
    expected = submit(engine, PROMPTS[0], SAMPLING).wait().tokens
    decode = byte_tokenizer.decode

    def fail(tokens: list[int], **options: object) -> str:
        if POISON in tokens:
            raise UnicodeDecodeError("utf-8", b"", 0, 0, "bad")
        return decode(tokens, **options)

    monkeypatch.setattr(byte_tokenizer, "decode", fail)
    forced = SamplingParams(max_tokens=9, temperature=0, logit_bias={POISON: 100.0})
    bad = submit(engine, [5], forced)
    good = submit(engine, PROMPTS[0], SAMPLING)
    assert bad.wait().finish_reason is FinishReason.ERROR
    assert good.wait().tokens == expected


def test_a_failed_worker_tells_every_caller(
    start_engine: StartEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    gate = Gate(make_small_model("llama"))
    engine = start_engine(gate.model, max_batch_size=1)
    with gate.closed():
        answers: list[Answer] = [submit(engine, prompt, SAMPLING) for prompt in PROMPTS]
        gate.wait_for_step()
        # Not one request's doing: the scheduler itself is broken.
        monkeypatch.setattr(engine._scheduler, "schedule", lambda: 1 / 0)
    for answer in answers:
        assert answer.wait().finish_reason is FinishReason.ERROR
        assert answer.last.error == "the engine's worker failed"
    assert not engine.is_healthy()
    assert engine.drain(timeout=0)
    with pytest.raises(EngineStoppedError, match="the engine is failed"):
        submit(engine, [1], SAMPLING)
