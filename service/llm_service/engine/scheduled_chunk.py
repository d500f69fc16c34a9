from dataclasses import dataclass

from llm_service.engine.sequence import Sequence


@dataclass(frozen=True)
class ScheduledChunk:
    """The tokens of one sequence that the model reads in one step.

    Attributes:
        sequence: The sequence; its block table covers the chunk.
        start: Position of the first token.
        num_tokens: Number of tokens.
    """

    sequence: Sequence
    start: int
    num_tokens: int

    @classmethod
    def of(cls, sequence: Sequence, num_tokens: int) -> "ScheduledChunk":
        """The next tokens of a sequence that are not computed yet."""
        return cls(sequence, sequence.num_computed_tokens, num_tokens)

    @property
    def end(self) -> int:
        """Position after the last token."""
        return self.start + self.num_tokens

    @property
    def token_ids(self) -> list[int]:
        """The tokens."""
        return self.sequence.token_ids[self.start : self.end]

    @property
    def is_last(self) -> bool:
        """Whether it reaches the sequence's end, so that a new token is sampled after it."""
        return self.end == len(self.sequence.token_ids)
