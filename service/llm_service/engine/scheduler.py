from collections import deque

from llm_service.engine.block_manager import BlockManager
from llm_service.engine.scheduled_chunk import ScheduledChunk
from llm_service.engine.sequence import Sequence


class Scheduler:
    """Decides what the model reads in each step.

    Every running answer gets its next token in every step; what is left of the step's budget
    reads prompts, oldest first and in chunks, so that a long prompt never stalls the answers.
    Sequences are admitted first come, first served, when a place and enough cache are free. When
    the cache runs out, the youngest sequence gives its blocks up and is computed again later.

    Attributes:
        running: Sequences of the batch, oldest first.
        num_preemptions: How often a sequence gave its blocks up.
    """

    def __init__(self, blocks: BlockManager, *, max_batch_size: int) -> None:
        """Starts empty.

        Args:
            blocks: The cache's blocks.
            max_batch_size: The most sequences that run at once.
        """
        self.running: list[Sequence] = []
        self.num_preemptions = 0
        self._blocks = blocks
        self._max_batch_size = max_batch_size
        self._waiting: deque[Sequence] = deque()

    @property
    def waiting(self) -> tuple[Sequence, ...]:
        """Sequences that are not in the batch, the next one first."""
        return tuple(self._waiting)

    @property
    def has_answers(self) -> bool:
        """Whether an answer waits for its next token, rather than a prompt for being read."""
        return any(sequence.num_uncomputed_tokens == 1 for sequence in self.running)

    @property
    def has_work(self) -> bool:
        """Whether anything waits or runs."""
        return bool(self._waiting or self.running)

    def add(self, sequence: Sequence) -> None:
        """Puts a sequence at the end of the queue."""
        self._waiting.append(sequence)

    def remove(self, sequence: Sequence) -> None:
        """Takes a waiting or running sequence out and frees its blocks."""
        self._take_out(sequence)
        self._blocks.release(sequence)

    def discard(self, sequence: Sequence) -> list[int]:
        """Takes out a sequence whose blocks may hold invalid numbers.

        Returns:
            The blocks that nobody uses any more, to be erased.
        """
        self._take_out(sequence)
        return self._blocks.discard(sequence)

    def schedule(self, prompt_budget: int | None) -> list[ScheduledChunk]:
        """Chooses the chunks of the next step, at most one for each sequence, decodes first.

        Args:
            prompt_budget: The most prompt tokens of the step, at least 1; None reads prompts
                whole.
        """
        decodes: list[ScheduledChunk] = []
        prefills: list[ScheduledChunk] = []
        budget = prompt_budget
        for sequence in list(self.running):
            # An older sequence of this very loop may have preempted it.
            if sequence not in self.running or not self._grow_or_preempt(sequence):
                continue
            if sequence.num_uncomputed_tokens == 1:
                decodes.append(ScheduledChunk.of(sequence, 1))
            elif budget != 0:
                budget = self._add_prefill(sequence, prefills, budget)
        while budget != 0 and self._admit_next():
            budget = self._add_prefill(self.running[-1], prefills, budget)
        return decodes + prefills

    def num_tokens_to_read(self, sequence: Sequence) -> int:
        """Number of tokens of a waiting sequence that are not in the cache."""
        return len(sequence.token_ids) - self._blocks.num_cached_tokens(sequence)

    def complete(self, chunk: ScheduledChunk) -> None:
        """Notes that the model has read a chunk; its blocks can be shared from now on."""
        chunk.sequence.num_computed_tokens = chunk.end
        self._blocks.share_computed(chunk.sequence)

    def _take_out(self, sequence: Sequence) -> None:
        if sequence in self.running:
            self.running.remove(sequence)
        else:
            self._waiting.remove(sequence)

    def _add_prefill(
        self, sequence: Sequence, prefills: list[ScheduledChunk], budget: int | None
    ) -> int | None:
        num_tokens = sequence.num_uncomputed_tokens
        if budget is not None:
            num_tokens = min(num_tokens, budget)
            budget -= num_tokens
        prefills.append(ScheduledChunk.of(sequence, num_tokens))
        return budget

    def _admit_next(self) -> bool:
        if not self._waiting or len(self.running) >= self._max_batch_size:
            return False
        sequence = self._waiting[0]
        if not self._blocks.allocate(sequence):
            return False
        if sequence.num_cached_tokens is None:
            sequence.num_cached_tokens = sequence.num_computed_tokens
        self.running.append(self._waiting.popleft())
        return True

    def _grow_or_preempt(self, sequence: Sequence) -> bool:
        while not self._blocks.grow(sequence):
            youngest = self.running[-1]
            self._preempt(youngest)
            if youngest is sequence:
                return False
        return True

    def _preempt(self, sequence: Sequence) -> None:
        self.running.remove(sequence)
        self._blocks.release(sequence)
        self._waiting.appendleft(sequence)
        self.num_preemptions += 1
