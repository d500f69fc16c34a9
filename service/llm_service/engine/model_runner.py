from abc import ABC, abstractmethod
from collections.abc import Sequence as SequenceOf
from typing import ClassVar

import torch

from llm_service.engine.scheduled_chunk import ScheduledChunk


class ModelRunner(ABC):
    """Runs the model over the chunks of a step and keeps the keys and values of its sequences.

    Attributes:
        reads_in_chunks: Whether a prompt can be read in several steps, and a prefix that another
            sequence computed be shared.
        num_blocks: Number of blocks that its cache has.
    """

    reads_in_chunks: ClassVar[bool]
    num_blocks: int

    @abstractmethod
    def run(self, chunks: SequenceOf[ScheduledChunk]) -> tuple[list[ScheduledChunk], torch.Tensor]:
        """Runs one step. Running the same step again has the same effect.

        Args:
            chunks: At least one, with blocks for all their tokens.

        Returns:
            The chunks after which a token is sampled, and for each its logits, [n, vocabulary].
        """

    @abstractmethod
    def erase(self, block_ids: SequenceOf[int]) -> None:
        """Overwrites blocks whose content may be invalid, before others use them."""
