import logging
import threading
import time
from collections.abc import Callable

from transformers import PreTrainedModel, PreTrainedTokenizerBase

from llm_service.engine.block_manager import BlockManager
from llm_service.engine.completion_rate import CompletionRate
from llm_service.engine.engine_config import EngineConfig
from llm_service.engine.engine_core import EngineCore
from llm_service.engine.engine_state import EngineState
from llm_service.engine.engine_stats import EngineStats
from llm_service.engine.errors import (
    DrainingError,
    EngineStoppedError,
    InvalidParameterError,
    QueueFullError,
)
from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.generation import Generation
from llm_service.engine.generation_factory import GenerationFactory
from llm_service.engine.generation_output import GenerationOutput
from llm_service.engine.generation_request import GenerationRequest
from llm_service.engine.model_properties import (
    end_token_ids,
    trained_context_length,
    vocabulary_size,
)
from llm_service.engine.model_runner_selection import select_model_runner
from llm_service.engine.sampling_params import SamplingParams
from llm_service.engine.scheduler import Scheduler

logger = logging.getLogger(__name__)

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

        Raises:
            InvalidParameterError: The cache's memory does not hold a single block.
        """
        self._config = config = config or EngineConfig()
        model.eval()
        runner = select_model_runner(model, config)
        self._blocks = BlockManager(
            runner.num_blocks, config.block_size, shares_prefixes=runner.reads_in_chunks
        )
        self._scheduler = Scheduler(self._blocks, max_batch_size=config.max_batch_size)
        self._core = EngineCore(
            runner, self._scheduler, self._forget, prefill_chunk_size=config.prefill_chunk_size
        )
        self.vocabulary_size = vocabulary_size(model)
        self.context_length = min(
            config.max_context_length,
            trained_context_length(model) or config.max_context_length,
            self._blocks.num_tokens,
        )
        self._factory = GenerationFactory(
            tokenizer,
            end_token_ids=end_token_ids(model, tokenizer),
            context_length=self.context_length,
            vocabulary_size=self.vocabulary_size,
        )

        # The condition guards what is below it, and is notified whenever any of it changes.
        self._changed = threading.Condition()
        self._state = EngineState.NEW
        self._open_prompts: dict[str, int] = {}
        self._arrived: list[Generation] = []
        self._cancelled: list[str] = []
        self._completions = CompletionRate()

        self._thread = threading.Thread(target=self._work, name="engine", daemon=True)
        self._step_count = 0
        self._step_started: float | None = None
        self._last_step_seconds = 0.0

    def start(self) -> None:
        """Starts the worker thread. A second call does nothing."""
        with self._changed:
            if self._state is EngineState.NEW:
                self._state = EngineState.RUNNING
                self._thread.start()

    def warm_up(self) -> None:
        """Answers a short request of its own, so that the first caller does not pay for set-up.

        Blocks until it is answered; the engine must be started.

        Raises:
            EngineStoppedError: The engine is not started, or could not answer.
        """
        max_tokens = min(4, self.context_length - 1)
        prompt_length = min(self._config.prefill_chunk_size, self.context_length - max_tokens)
        ended = threading.Event()
        outputs: list[GenerationOutput] = []

        def on_output(output: GenerationOutput) -> None:
            outputs.append(output)
            if output.is_final:
                ended.set()

        sampling = SamplingParams(max_tokens=max_tokens, top_p=0.9, ignore_eos=True)
        self.submit(GenerationRequest("warm-up", (0,) * prompt_length, sampling), on_output)
        ended.wait()
        if outputs[-1].finish_reason not in (FinishReason.LENGTH, FinishReason.STOP):
            raise EngineStoppedError(f"not able to answer: {outputs[-1].error or 'stopped'}")

    def submit(self, request: GenerationRequest, on_output: OutputCallback) -> None:
        """Queues a request.

        Every accepted request gets exactly one output with a finish_reason, its last.

        Args:
            request: What to generate.
            on_output: Receives the outputs in order, on the worker thread.

        Raises:
            InvalidParameterError: The prompt is empty, a token id is outside the vocabulary, the
                request's id is in use, or the tokens that it brings are a whole answer.
            PromptTooLongError: Prompt and max_tokens together exceed `context_length`.
            QueueFullError: The queue is full.
            DrainingError: `drain` was called.
            EngineStoppedError: The engine is not started, stopped, or its worker failed.
        """
        generation = self._factory.make(request, on_output)
        with self._changed:
            self._require_room(request)
            self._open_prompts[request.request_id] = request.num_tokens
            self._arrived.append(generation)
            self._changed.notify_all()

    def cancel(self, request_id: str) -> None:
        """Ends a request at the next step and frees its place.

        Its last output has FinishReason.CANCELLED, unless it ended before. An unknown id is
        ignored: it may have ended meanwhile.
        """
        with self._changed:
            if request_id in self._open_prompts:
                self._cancelled.append(request_id)
                self._changed.notify_all()

    def drain(self, timeout: float | None) -> bool:
        """Accepts nothing new and waits until everything accepted has ended.

        Args:
            timeout: The longest wait in seconds; None waits without limit.

        Returns:
            Whether everything ended in time. What did not goes on; `stop` cancels it.
        """
        with self._changed:
            if self._state is EngineState.RUNNING:
                self._state = EngineState.DRAINING
            return self._changed.wait_for(lambda: not self._open_prompts, timeout)

    def stop(self) -> None:
        """Cancels what is left and ends the worker thread. A second call does nothing.

        Waits for the step that runs, but not longer than a step may take.
        """
        with self._changed:
            was_started = self._state is not EngineState.NEW
            if self._state is not EngineState.FAILED:
                self._state = EngineState.STOPPED
            self._changed.notify_all()
        if was_started:
            self._thread.join(self._config.step_timeout_seconds)
            if self._thread.is_alive():
                logger.error("the engine's worker hangs in a step and is left behind")

    def stats(self) -> EngineStats:
        """What the engine does at this moment."""
        running = {sequence.request_id for sequence in tuple(self._scheduler.running)}
        with self._changed:
            waiting = [tokens for name, tokens in self._open_prompts.items() if name not in running]
        started = self._step_started
        return EngineStats(
            waiting=len(waiting),
            waiting_tokens=sum(waiting),
            running=len(running),
            cache_usage=self._blocks.usage,
            cache_capacity_tokens=self._blocks.num_tokens,
            step_count=self._step_count,
            last_step_seconds=self._last_step_seconds,
            current_step_seconds=0.0 if started is None else time.monotonic() - started,
            prompt_tokens=self._core.num_prompt_tokens,
            cached_tokens=self._core.num_cached_tokens,
            completion_tokens=self._core.num_completion_tokens,
            preemptions=self._scheduler.num_preemptions,
        )

    @property
    def has_failed(self) -> bool:
        """Whether the worker failed; from then on the engine can only be replaced."""
        return self._state is EngineState.FAILED

    def is_healthy(self) -> bool:
        """Whether the worker runs and no step hangs longer than `step_timeout_seconds`.

        True while draining; false before `start` and after `stop`.
        """
        return (
            self._state in (EngineState.RUNNING, EngineState.DRAINING)
            and self._thread.is_alive()
            and self.stats().current_step_seconds <= self._config.step_timeout_seconds
        )

    def _require_room(self, request: GenerationRequest) -> None:
        """Refuses a request unless it may join the queue; the lock is held."""
        if self._state is EngineState.DRAINING:
            raise DrainingError
        if self._state is not EngineState.RUNNING:
            raise EngineStoppedError(self._state.value)
        if request.request_id in self._open_prompts:
            raise InvalidParameterError(
                "request_id", request.request_id, "is in use: choose another one"
            )
        config = self._config
        waiting = max(0, len(self._open_prompts) - len(self._scheduler.running))
        # Those that the next step admits do not count as waiting.
        is_full = len(self._open_prompts) >= config.max_batch_size + config.max_queue_size
        if config.max_queue_tokens is not None and waiting:
            tokens = sum(self._open_prompts.values()) - sum(
                self._open_prompts.get(sequence.request_id, 0)
                for sequence in tuple(self._scheduler.running)
            )
            is_full |= tokens + request.num_tokens > config.max_queue_tokens
        if is_full:
            raise QueueFullError(waiting, self._completions.seconds_to_next)

    def _work(self) -> None:
        """The worker thread: step after step until it is stopped."""
        try:
            while self._take_orders():
                started = self._step_started = time.monotonic()
                self._core.step()
                self._last_step_seconds = time.monotonic() - started
                self._step_started = None
                self._step_count += 1
            self._core.interrupt_all(FinishReason.CANCELLED)
        except BaseException:
            # Not one request's doing: nothing that the engine holds can be trusted any more.
            logger.critical("the engine's worker failed", exc_info=True)
            self._set_failed()

    def _set_failed(self) -> None:
        with self._changed:
            self._state = EngineState.FAILED
            arrived, self._arrived = self._arrived, []
        self._core.abandon(arrived, "the engine's worker failed")

    def _take_orders(self) -> bool:
        """Waits for work and hands new requests and cancellations on; false ends the worker."""
        with self._changed:
            while not (self._arrived or self._core.has_work) and self._is_open:
                self._completions.pause()
                self._changed.wait()
            arrived, self._arrived = self._arrived, []
            cancelled, self._cancelled = self._cancelled, []
            is_open = self._is_open
        for generation in arrived:
            self._core.add(generation)
        self._core.interrupt(cancelled, FinishReason.CANCELLED)
        return is_open

    @property
    def _is_open(self) -> bool:
        return self._state in (EngineState.RUNNING, EngineState.DRAINING)

    def _forget(self, request_id: str) -> None:
        with self._changed:
            self._open_prompts.pop(request_id, None)
            self._completions.record(time.monotonic())
            self._changed.notify_all()
