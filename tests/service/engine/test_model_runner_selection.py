import logging

import pytest

from llm_service.engine.engine_config import EngineConfig
from llm_service.engine.errors import InvalidParameterError
from llm_service.engine.model_runner_selection import select_model_runner
from llm_service.engine.paged_model_runner import PagedModelRunner
from llm_service.engine.sequential_model_runner import SequentialModelRunner
from tests.service.engine.small_models import PAGED, SEQUENTIAL, make_small_model


@pytest.mark.parametrize("name", PAGED)
def test_known_architectures_run_packed(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        runner = select_model_runner(make_small_model(name), EngineConfig(use_kernels=False))
    assert isinstance(runner, PagedModelRunner)
    assert "runs packed over a paged cache" in caplog.text


@pytest.mark.parametrize("name", SEQUENTIAL)
def test_others_run_the_general_way_and_the_log_says_why(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    model = make_small_model(name)
    own_attention = model.config._attn_implementation
    runner = select_model_runner(model, EngineConfig())
    assert isinstance(runner, SequentialModelRunner)
    assert SEQUENTIAL[name][1] in caplog.text
    assert model.config._attn_implementation == own_attention


def test_a_model_whose_packed_logits_differ_runs_the_general_way(
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = make_small_model("llama")
    layer = model.model.layers[0]
    forward = layer.forward
    # As a model that looks at the neighbours in its row, which packed are other sequences.
    layer.forward = lambda hidden, **options: forward(hidden, **options) + hidden.mean(1, True)
    runner = select_model_runner(model, EngineConfig())
    assert isinstance(runner, SequentialModelRunner)
    assert "its logits differ by" in caplog.text


def test_cache_is_as_large_as_the_batch_can_use() -> None:
    config = EngineConfig(max_batch_size=3, max_context_length=100, block_size=16)
    assert select_model_runner(make_small_model("llama"), config).num_blocks == 3 * 7


def test_cache_stays_within_its_memory() -> None:
    # Two layers of two heads of 16 keys and values of four bytes.
    bytes_per_block = 2 * 2 * 16 * 2 * 4 * 32
    config = EngineConfig(cache_memory_bytes=5 * bytes_per_block + 1)
    assert select_model_runner(make_small_model("llama"), config).num_blocks == 5


def test_memory_below_one_block_is_refused() -> None:
    with pytest.raises(InvalidParameterError, match="cache_memory_bytes=1000: must be at least"):
        select_model_runner(make_small_model("llama"), EngineConfig(cache_memory_bytes=1000))
