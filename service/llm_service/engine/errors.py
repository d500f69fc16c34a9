class EngineError(Exception):
    """Base of every error that the engine raises to its caller."""


class InvalidParameterError(EngineError, ValueError):
    """A request's field has a value that the engine does not accept.

    Attributes:
        field: Name of the field, as the request spells it, for example `top_p`.
        value: The value that was given.
        remedy: What to send instead, a phrase such as `must be above 0 and at most 1`.
    """

    def __init__(self, field: str, value: object, remedy: str) -> None:
        super().__init__(f"{field}={value!r}: {remedy}")
        self.field = field
        self.value = value
        self.remedy = remedy


class PromptTooLongError(EngineError, ValueError):
    """Prompt and answer together do not fit the context or the cache.

    Attributes:
        prompt_tokens: Number of tokens of the prompt.
        max_tokens: Number of tokens that the request allows the answer.
        context_length: The most tokens that prompt and answer may have together.
    """

    def __init__(self, prompt_tokens: int, max_tokens: int, context_length: int) -> None:
        remedy = (
            f"lower max_tokens to {context_length - prompt_tokens} or less"
            if prompt_tokens < context_length
            else f"shorten the prompt below {context_length} tokens"
        )
        super().__init__(
            f"prompt of {prompt_tokens} tokens and max_tokens of {max_tokens} exceed the context "
            f"of {context_length} tokens: {remedy}"
        )
        self.prompt_tokens = prompt_tokens
        self.max_tokens = max_tokens
        self.context_length = context_length


class QueueFullError(EngineError):
    """As many requests, or prompt tokens, wait as the engine's settings allow.

    Attributes:
        waiting: Number of requests in the queue.
        retry_after_seconds: Estimated time until a place in the queue is free, above 0.
    """

    def __init__(self, waiting: int, retry_after_seconds: float) -> None:
        super().__init__(
            f"the queue is full with {waiting} requests: retry in {retry_after_seconds:.1f} s"
        )
        self.waiting = waiting
        self.retry_after_seconds = retry_after_seconds


class DrainingError(EngineError):
    """The engine finishes what it has and accepts nothing new."""

    def __init__(self) -> None:
        super().__init__("the engine drains and accepts no new request: retry on another instance")


class EngineStoppedError(EngineError):
    """The engine is not started yet, or stopped, or its worker failed."""

    def __init__(self, state: str) -> None:
        super().__init__(f"the engine is {state}: retry on another instance")
        self.state = state


class UnsupportedModelError(EngineError):
    """The model cannot run this way; the message says why."""
