"""The compiled kernels under the engine: the same answers, and the way back where they fail."""

import logging

import pytest
import torch

from llm_service.engine.engine_config import EngineConfig
from llm_service.engine.errors import InvalidParameterError
from llm_service.engine.fast_model_runner import FastModelRunner
from llm_service.engine.model_runner_selection import select_model_runner
from llm_service.engine.paged_model_runner import PagedModelRunner
from llm_service.engine.sampling_params import SamplingParams
from llm_service.fast_decoder.fast_decoder import FastDecoder
from llm_service.kernels.errors import KernelUnavailableError
from tests.service.engine.answers import submit
from tests.service.engine.conftest import StartEngine
from tests.service.engine.small_models import make_small_model
from tests.service.engine.test_engine_equals_generate import (
    MAX_TOKENS,
    expected_answers,
    make_prompts,
)
from tests.service.kernels.built_kernels import NAMES, built_kernels

FAMILIES = ["llama", "qwen2", "gemma3"]


@pytest.fixture(params=NAMES)
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the engine choose the kernels of one instruction set only."""
    library = built_kernels(request.param)
    monkeypatch.setattr(
        "llm_service.engine.model_runner_selection.best_kernel_library", lambda: library
    )


def greedy() -> SamplingParams:
    return SamplingParams(max_tokens=MAX_TOKENS, temperature=0, ignore_eos=True)


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("family", FAMILIES)
def test_answers_equal_generate_alone_and_together(family: str, start_engine: StartEngine) -> None:
    expected = expected_answers(family)
    engine = start_engine(make_small_model(family), use_kernels=True)

    alone = submit(engine, make_prompts()[1], greedy()).wait().tokens
    together = [submit(engine, prompt, greedy()) for prompt in make_prompts()]

    assert alone == expected[1]
    assert [answer.wait().tokens for answer in together] == expected


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("family", FAMILIES)
def test_bfloat16_answers_do_not_depend_on_company(family: str, start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model(family).bfloat16(), use_kernels=True)

    alone = [submit(engine, prompt, greedy()).wait().tokens for prompt in make_prompts()]
    together = [submit(engine, prompt, greedy()) for prompt in make_prompts()]

    assert [answer.wait().tokens for answer in together] == alone


@pytest.mark.usefixtures("kernels")
@pytest.mark.parametrize("family", FAMILIES)
def test_known_families_run_on_kernels(family: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        runner = select_model_runner(make_small_model(family), EngineConfig())

    assert isinstance(runner, FastModelRunner)
    assert "runs on kernels for" in caplog.text


@pytest.mark.usefixtures("kernels")
def test_other_architectures_run_on_torchs_kernels(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        runner = select_model_runner(make_small_model("deepseek_v3"), EngineConfig())

    assert isinstance(runner, PagedModelRunner)
    assert "runs on torch's kernels: DeepseekV3ForCausalLM is not among" in caplog.text


def test_without_kernels_the_log_says_why(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse() -> None:
        raise KernelUnavailableError("none is built")

    monkeypatch.setattr("llm_service.engine.model_runner_selection.best_kernel_library", refuse)
    with caplog.at_level(logging.INFO):
        runner = select_model_runner(make_small_model("llama"), EngineConfig())

    assert isinstance(runner, PagedModelRunner)
    assert "runs on torch's kernels: none is built" in caplog.text


@pytest.mark.usefixtures("kernels")
def test_kernels_that_compute_otherwise_give_the_weights_back(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_small_model("gemma3")
    ids = torch.tensor([make_prompts()[0]])
    with torch.no_grad():
        expected = model(ids).logits
    forward = FastDecoder.forward
    monkeypatch.setattr(
        FastDecoder, "forward", lambda *arguments: forward(*arguments).roll(1, dims=-1)
    )

    with caplog.at_level(logging.INFO):
        runner = select_model_runner(model, EngineConfig())

    assert isinstance(runner, PagedModelRunner)
    assert "its logits differ by" in caplog.text
    model.set_attn_implementation("eager")
    with torch.no_grad():
        torch.testing.assert_close(model(ids).logits, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.usefixtures("kernels")
def test_quantized_weights_answer_the_same_in_any_company(
    start_engine: StartEngine, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        engine = start_engine(make_small_model("llama"), use_kernels=True, quantization="int8")

    alone = [submit(engine, prompt, greedy()).wait().tokens for prompt in make_prompts()]
    together = [submit(engine, prompt, greedy()) for prompt in make_prompts()]

    assert "weights int8" in caplog.text
    assert [answer.wait().tokens for answer in together] == alone


@pytest.mark.usefixtures("kernels")
def test_a_model_that_cannot_be_quantized_is_refused() -> None:
    with pytest.raises(
        InvalidParameterError, match="quantization='int8': must be none here: DeepseekV3ForCausalLM"
    ):
        select_model_runner(make_small_model("deepseek_v3"), EngineConfig(quantization="int8"))


def test_an_unknown_quantization_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="must be none or int8"):
        EngineConfig(quantization="int2")
