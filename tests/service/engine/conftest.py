from collections.abc import Callable, Iterator

import hypothesis
import pytest
import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase, PreTrainedTokenizerFast

from llm_service.engine.engine import Engine
from llm_service.engine.engine_config import EngineConfig
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer

StartEngine = Callable[..., Engine]

# A busy machine is slow: time says nothing about what these tests look for.
hypothesis.settings.register_profile("engine", deadline=None)
hypothesis.settings.load_profile("engine")


@pytest.fixture(scope="package", autouse=True)
def one_thread() -> Iterator[None]:
    """Small matrices are slower on several threads, and far slower on a busy machine."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def byte_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with a token for each byte."""
    return make_tiny_tokenizer()


@pytest.fixture
def start_engine(byte_tokenizer: PreTrainedTokenizerFast) -> Iterator[StartEngine]:
    """Starts engines with small caches, and stops them after the test."""
    engines: list[Engine] = []

    def start(
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase = byte_tokenizer,
        **settings: object,
    ) -> Engine:
        defaults = {
            "max_batch_size": 4,
            "max_context_length": 256,
            "prefill_chunk_size": 16,
            "block_size": 8,
            "cache_memory_bytes": 2**24,
            # They move the weights out of the model, which many tests look at or change.
            "use_kernels": False,
        }
        engine = Engine(model, tokenizer, EngineConfig(**{**defaults, **settings}))
        engines.append(engine)
        engine.start()
        return engine

    yield start
    for engine in engines:
        engine.stop()
