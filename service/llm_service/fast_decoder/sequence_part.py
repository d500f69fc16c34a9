from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass


@dataclass(frozen=True)
class SequencePart:
    """The new tokens of one sequence in a step.

    Attributes:
        token_ids: The new tokens, at least one.
        start: Position of the first one; the cache holds all positions before it.
        block_table: Ids of the sequence's cache blocks, in order, for all positions.
        wants_logits: Whether the logits after the last token are wanted.
    """

    token_ids: SequenceOf[int]
    start: int
    block_table: SequenceOf[int]
    wants_logits: bool
