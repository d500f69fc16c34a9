import logging
import time
from collections.abc import Callable, Iterable
from collections.abc import Sequence as SequenceOf

from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.generation import Generation
from llm_service.engine.generation_output import GenerationOutput
from llm_service.engine.model_runner import ModelRunner
from llm_service.engine.sampler import sample
from llm_service.engine.scheduled_chunk import ScheduledChunk
from llm_service.engine.scheduler import Scheduler
from llm_service.engine.step_times import StepTimes

logger = logging.getLogger(__name__)


class EngineCore:
    """The engine's work without its thread: one step after another.

    A step is: end what is overdue, schedule, run the model, sample, hand the tokens out. What
    goes wrong with one request ends that request only.

    Attributes:
        num_prompt_tokens: Number of prompt tokens of the requests that ended.
        num_cached_tokens: Those of them that were found in the cache.
        num_completion_tokens: Number of tokens generated.
    """

    def __init__(
        self,
        runner: ModelRunner,
        scheduler: Scheduler,
        on_end: Callable[[str], None],
        *,
        prefill_chunk_size: int,
    ) -> None:
        """Starts empty.

        Args:
            runner: Runs the model.
            scheduler: Decides what it runs.
            on_end: Told the id of every request that ends, before its last output is handed out.
            prefill_chunk_size: The most prompt tokens of one step.
        """
        self.num_prompt_tokens = 0
        self.num_cached_tokens = 0
        self.num_completion_tokens = 0
        self._runner = runner
        self._scheduler = scheduler
        self._on_end = on_end
        self._prefill_chunk_size = prefill_chunk_size
        self._times = StepTimes()
        self._generations: dict[str, Generation] = {}

    @property
    def has_work(self) -> bool:
        """Whether a step would do anything."""
        return bool(self._generations)

    def add(self, generation: Generation) -> None:
        """Queues a request."""
        self._generations[generation.request_id] = generation
        self._scheduler.add(generation.sequence)
        for output in generation.replayed:
            if generation.request_id in self._generations:  # its callback may have failed
                self._emit(generation, output)

    def step(self) -> None:
        """Does one step."""
        self._end_overdue()
        chunks = self._scheduler.schedule(self._prompt_budget())
        for chunk, token in self._run(chunks):
            self._accept(chunk, token)

    def interrupt(self, request_ids: Iterable[str], reason: FinishReason) -> None:
        """Ends requests where they are; unknown ids are ignored."""
        for request_id in request_ids:
            generation = self._generations.get(request_id)
            if generation is not None:
                self._end(generation, generation.interrupt(reason))

    def interrupt_all(self, reason: FinishReason) -> None:
        """Ends every request where it is."""
        self.interrupt(list(self._generations), reason)

    def abandon(self, arrived: Iterable[Generation], error: str) -> None:
        """Tells every caller that the engine failed, and touches nothing else.

        Args:
            arrived: Generations that were not added yet.
            error: What went wrong.
        """
        generations = [*self._generations.values(), *arrived]
        self._generations.clear()
        for generation in generations:
            self._on_end(generation.request_id)
            self._emit(generation, generation.fail(error))

    def _end_overdue(self) -> None:
        now = time.monotonic()
        overdue = [one for one in self._generations.values() if self._is_overdue(one, now)]
        for generation in overdue:
            self._end(generation, generation.interrupt(FinishReason.DEADLINE))

    def _is_overdue(self, generation: Generation, now: float) -> bool:
        """Whether a deadline has passed, or will before a waiting prompt can have been read."""
        seconds_left = generation.seconds_left(now)
        if seconds_left <= 0:
            return True
        sequence = generation.sequence
        if sequence.block_table or seconds_left > self._times.least_seconds(
            len(sequence.token_ids)
        ):
            return False
        num_tokens = self._scheduler.num_tokens_to_read(sequence)
        return seconds_left <= self._times.least_seconds(num_tokens)

    def _prompt_budget(self) -> int | None:
        if not self._runner.reads_in_chunks:
            return None
        if not self._scheduler.has_answers:
            return self._prefill_chunk_size
        return self._times.affordable_prompt_tokens(self._prefill_chunk_size)

    def _run(self, chunks: SequenceOf[ScheduledChunk]) -> list[tuple[ScheduledChunk, int | None]]:
        """Runs the model and samples, and finds the culprit if that fails."""
        if not chunks:
            return []
        try:
            return self._run_together(chunks)
        except Exception as error:
            if len(chunks) == 1:
                logger.exception("the model failed")
                self._fail(self._generation_of(chunks[0]), f"the model failed: {error!r}")
                return []
            logger.exception("a step of %d requests failed; each is tried alone", len(chunks))
            return [result for chunk in chunks for result in self._run([chunk])]

    def _run_together(
        self, chunks: SequenceOf[ScheduledChunk]
    ) -> list[tuple[ScheduledChunk, int | None]]:
        started = time.monotonic()
        sampled, logits = self._runner.run(chunks)
        states = [self._generation_of(chunk).sampling for chunk in sampled]
        tokens = sample(logits, states)
        for chunk in chunks:
            self._scheduler.complete(chunk)
        prompt_tokens = [chunk.num_tokens for chunk in chunks if chunk.num_tokens > 1]
        self._times.record(
            num_answers=len(chunks) - len(prompt_tokens),
            num_prompt_tokens=sum(prompt_tokens),
            seconds=time.monotonic() - started,
        )
        return list(zip(sampled, tokens, strict=True))

    def _accept(self, chunk: ScheduledChunk, token: int | None) -> None:
        generation = self._generation_of(chunk)
        if token is None:
            self._fail(generation, "the model's output is not a number")
            return
        try:
            output = generation.accept(token)
        except Exception as error:
            logger.exception("request %s: its token %d failed", generation.request_id, token)
            self._fail(generation, f"its token {token} cannot be turned into text: {error!r}")
            return
        self.num_completion_tokens += 1
        if output.is_final:
            self._end(generation, output)
        else:
            self._emit(generation, output)

    def _generation_of(self, chunk: ScheduledChunk) -> Generation:
        return self._generations[chunk.sequence.request_id]

    def _end(self, generation: Generation, output: GenerationOutput) -> None:
        self._scheduler.remove(generation.sequence)
        self._close(generation, output)

    def _fail(self, generation: Generation, error: str) -> None:
        logger.error("request %s failed: %s", generation.request_id, error)
        unused_blocks = self._scheduler.discard(generation.sequence)
        # Before another sequence takes them: an invalid number spreads even from behind a mask.
        self._runner.erase(unused_blocks)
        self._close(generation, generation.fail(error))

    def _close(self, generation: Generation, output: GenerationOutput) -> None:
        del self._generations[generation.request_id]
        self.num_prompt_tokens += output.prompt_tokens
        self.num_cached_tokens += output.cached_tokens
        self._on_end(generation.request_id)
        self._emit(generation, output)

    def _emit(self, generation: Generation, output: GenerationOutput) -> None:
        try:
            generation.emit(output)
        except Exception:
            logger.exception("request %s: its callback failed", generation.request_id)
            if not output.is_final:
                self._scheduler.remove(generation.sequence)
                del self._generations[generation.request_id]
                self._on_end(generation.request_id)
