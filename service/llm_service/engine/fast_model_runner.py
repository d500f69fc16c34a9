from collections.abc import Sequence as SequenceOf
from typing import ClassVar

import torch

from llm_service.engine.model_runner import ModelRunner
from llm_service.engine.scheduled_chunk import ScheduledChunk
from llm_service.fast_decoder.fast_decoder import FastDecoder
from llm_service.fast_decoder.sequence_part import SequencePart


class FastModelRunner(ModelRunner):
    """Runs all sequences of a step in one call of compiled kernels, over a paged cache.

    For the model families and processors that the fast decoder knows.
    """

    reads_in_chunks: ClassVar[bool] = True

    def __init__(self, decoder: FastDecoder, num_blocks: int, block_size: int) -> None:
        """Allocates the cache.

        Args:
            decoder: Runs the model.
            num_blocks: Number of cache blocks.
            block_size: Number of tokens of a block.
        """
        self.num_blocks = num_blocks
        self._decoder = decoder
        self._keys = decoder.make_cache(num_blocks, block_size)
        self._values = decoder.make_cache(num_blocks, block_size)

    def run(self, chunks: SequenceOf[ScheduledChunk]) -> tuple[list[ScheduledChunk], torch.Tensor]:
        """See the base class."""
        parts = [
            SequencePart(chunk.token_ids, chunk.start, chunk.sequence.block_table, chunk.is_last)
            for chunk in chunks
        ]
        logits = self._decoder.forward(parts, self._keys, self._values)
        return [chunk for chunk in chunks if chunk.is_last], logits

    def erase(self, block_ids: SequenceOf[int]) -> None:
        """Does nothing: what a sequence did not write itself is never read."""
