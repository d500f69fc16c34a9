from dataclasses import dataclass

from llm_service.engine.errors import InvalidParameterError

QUANTIZATIONS = ("none", "int8")


@dataclass(frozen=True)
class EngineConfig:
    """Limits and sizes of the engine.

    Attributes:
        max_batch_size: The most requests that run at once.
        max_context_length: The most tokens that prompt and answer may have together. The engine
            lowers it to what the model was trained for and to what the cache can hold.
        max_queue_size: The most requests that wait; one more is refused.
        max_queue_tokens: The most prompt tokens that wait in all; None sets no bound. An empty
            queue accepts any prompt that fits the context.
        prefill_chunk_size: The most prompt tokens that one step reads. Steps that answers wait
            for read fewer, by what the step's time allows, so that the time between tokens stays
            even while long prompts arrive.
        block_size: Tokens of one cache block, the unit of allocation and of prefix sharing.
        cache_memory_bytes: Memory of the key-value cache; None takes `cache_memory_share` of the
            free memory. Never more than max_batch_size contexts need.
        cache_memory_share: Share of the memory that is free when the engine is made, above 0 and
            at most 1.
        use_kernels: Whether the compiled kernels may take the place of torch's on a CPU, for the
            models that they know. They move the weights out of the model.
        quantization: `none` or `int8`: how the compiled kernels store the weights. Fewer bits are
            faster and smaller, and less exact. Only the kernels can do it. Their int4 is not
            offered: rounded to nearest it doubled the perplexity of a model of 270M weights.
        step_timeout_seconds: A step that takes longer counts as hung: `is_healthy` turns false.

    Raises:
        InvalidParameterError: A value is outside of what is allowed.
    """

    max_batch_size: int = 8
    max_context_length: int = 4096
    max_queue_size: int = 64
    max_queue_tokens: int | None = None
    prefill_chunk_size: int = 256
    block_size: int = 32
    cache_memory_bytes: int | None = None
    cache_memory_share: float = 0.5
    use_kernels: bool = True
    quantization: str = "none"
    step_timeout_seconds: float = 120.0

    def __post_init__(self) -> None:
        for name in ("max_batch_size", "prefill_chunk_size", "block_size"):
            if getattr(self, name) < 1:
                raise InvalidParameterError(name, getattr(self, name), "must be at least 1")
        if self.max_context_length < 2:
            raise InvalidParameterError(
                "max_context_length",
                self.max_context_length,
                "must be at least 2, one token of prompt and one of answer",
            )
        if self.max_queue_size < 0:
            raise InvalidParameterError(
                "max_queue_size", self.max_queue_size, "must be 0 (nothing waits) or more"
            )
        if self.max_queue_tokens is not None and self.max_queue_tokens < 1:
            raise InvalidParameterError(
                "max_queue_tokens", self.max_queue_tokens, "must be at least 1, or unset"
            )
        if self.cache_memory_bytes is not None and self.cache_memory_bytes < 1:
            raise InvalidParameterError(
                "cache_memory_bytes", self.cache_memory_bytes, "must be at least 1, or unset"
            )
        if not 0 < self.cache_memory_share <= 1:
            raise InvalidParameterError(
                "cache_memory_share", self.cache_memory_share, "must be above 0 and at most 1"
            )
        if self.quantization not in QUANTIZATIONS:
            raise InvalidParameterError(
                "quantization", self.quantization, f"must be {' or '.join(QUANTIZATIONS)}"
            )
        if not self.step_timeout_seconds > 0:
            raise InvalidParameterError(
                "step_timeout_seconds", self.step_timeout_seconds, "must be above 0"
            )
