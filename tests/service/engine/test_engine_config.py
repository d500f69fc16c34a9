import pytest

from llm_service.engine.engine_config import EngineConfig
from llm_service.engine.errors import InvalidParameterError


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("max_batch_size", 0),
        ("max_context_length", 1),
        ("max_queue_size", -1),
        ("max_queue_tokens", 0),
        ("prefill_chunk_size", 0),
        ("block_size", 0),
        ("cache_memory_bytes", 0),
        ("cache_memory_share", 0.0),
        ("cache_memory_share", 1.1),
        ("step_timeout_seconds", 0.0),
    ],
)
def test_refuses_a_value_outside(field: str, value: float) -> None:
    with pytest.raises(InvalidParameterError, match=f"{field}={value!r}: must be"):
        EngineConfig(**{field: value})
