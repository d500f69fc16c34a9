from collections.abc import Callable

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from llm_service.engine.engine_config import EngineConfig
from llm_service.engine.engine_stats import EngineStats
from llm_service.engine.generation_output import GenerationOutput
from llm_service.engine.generation_request import GenerationRequest

OutputCallback = Callable[[GenerationOutput], None]


class Engine:
    """Continuous batching over one language model, on a worker thread of its own.

    Every method may be called from any thread. Outputs are handed to the request's callback on
    the worker thread, which waits for it: a callback must return at once (an asyncio caller uses
    `loop.call_soon_threadsafe`). A callback that raises ends its own request only.

    Attributes:
        context_length: The most tokens that prompt and answer may have together: the smallest of
            the setting, what the model was trained for and what the cache holds.
        vocabulary_size: Number of token ids that the model knows.
    """

    context_length: int
    vocabulary_size: int

    def __init__(
        self,
        model: PreTrainedModel,
        tokenizer: PreTrainedTokenizerBase,
        config: EngineConfig | None = None,
    ) -> None:
        """Prepares the cache; starts nothing.

        Args:
            model: A causal language model of transformers, loaded and on its device. The engine
                owns it from here on: it puts it into evaluation mode and sets its attention
                implementation.
            tokenizer: Its tokenizer.
            config: Limits and sizes; None takes the defaults.
        """
        raise NotImplementedError

    def start(self) -> None:
        """Starts the worker thread. A second call does nothing."""
        raise NotImplementedError

    def warm_up(self) -> None:
        """Answers a short request of its own, so that the first caller does not pay for set-up.

        Blocks until it is answered; the engine must be started.

        Raises:
            EngineStoppedError: The engine is not started, or its worker failed meanwhile.
        """
        raise NotImplementedError

    def submit(self, request: GenerationRequest, on_output: OutputCallback) -> None:
        """Queues a request.

        Every accepted request gets exactly one output with a finish_reason, its last.

        Args:
            request: What to generate.
            on_output: Receives the outputs in order, on the worker thread.

        Raises:
            InvalidParameterError: The prompt is empty, a token id is outside the vocabulary, or
                the request's id is in use.
            PromptTooLongError: Prompt and max_tokens together exceed `context_length`.
            QueueFullError: The queue is full.
            DrainingError: `drain` was called.
            EngineStoppedError: The engine is not started, stopped, or its worker failed.
        """
        raise NotImplementedError

    def cancel(self, request_id: str) -> None:
        """Ends a request at the next step and frees its place.

        Its last output has FinishReason.CANCELLED, unless it ended before. An unknown id is
        ignored: it may have ended meanwhile.
        """
        raise NotImplementedError

    def drain(self, timeout: float | None) -> bool:
        """Accepts nothing new and waits until everything accepted has ended.

        Args:
            timeout: The longest wait in seconds; None waits without limit.

        Returns:
            Whether everything ended in time. What did not goes on; `stop` cancels it.
        """
        raise NotImplementedError

    def stop(self) -> None:
        """Cancels what is left and ends the worker thread. A second call does nothing."""
        raise NotImplementedError

    def stats(self) -> EngineStats:
        """What the engine does at this moment."""
        raise NotImplementedError

    def is_healthy(self) -> bool:
        """Whether the worker runs and no step hangs longer than `step_timeout_seconds`.

        True while draining; false before `start` and after `stop`.
        """
        raise NotImplementedError
