from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass
from typing import ClassVar

import torch
from transformers import DynamicCache, PreTrainedModel

from llm_service.engine.forward import forward
from llm_service.engine.model_runner import ModelRunner
from llm_service.engine.scheduled_chunk import ScheduledChunk


class SequentialModelRunner(ModelRunner):
    """Runs the sequences of a step one after another, each with transformers' own cache.

    The slower, general way, for models that the paged cache does not cover (state-space and
    linear-attention layers, rotary embeddings that depend on the longest text of the batch). The
    blocks only count the memory.
    """

    reads_in_chunks: ClassVar[bool] = False

    def __init__(self, model: PreTrainedModel, num_blocks: int) -> None:
        """Starts without sequences.

        Args:
            model: The model, in evaluation mode.
            num_blocks: Number of blocks that the memory for all caches is worth.
        """
        self.num_blocks = num_blocks
        self._model = model

    def run(self, chunks: SequenceOf[ScheduledChunk]) -> tuple[list[ScheduledChunk], torch.Tensor]:
        """See the base class."""
        return list(chunks), torch.cat([self._run_one(chunk) for chunk in chunks])

    def erase(self, block_ids: SequenceOf[int]) -> None:
        """See the base class: the blocks hold nothing."""

    def _run_one(self, chunk: ScheduledChunk) -> torch.Tensor:
        sequence = chunk.sequence
        state = sequence.model_state
        # Taken out while it changes: after a failure halfway it is of no use any more.
        sequence.model_state = None
        if not isinstance(state, _State) or state.num_tokens != chunk.start:
            state = _State(DynamicCache(config=self._model.config), 0)
        device = self._model.device
        logits = forward(
            self._model,
            torch.tensor([sequence.token_ids[state.num_tokens : chunk.end]], device=device),
            torch.arange(state.num_tokens, chunk.end, device=device).unsqueeze(0),
            state.cache,
            logits_to_keep=1,
        )
        sequence.model_state = _State(state.cache, chunk.end)
        return logits[:, -1]


@dataclass(frozen=True)
class _State:
    """Transformers' cache of one sequence and the number of tokens in it."""

    cache: DynamicCache
    num_tokens: int
