from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass

import torch

from llm_service.engine.attention_plan import AttentionPlan
from llm_service.engine.scheduled_chunk import ScheduledChunk


@dataclass(frozen=True)
class StepPlan:
    """The tensors of one step, all its sequences packed into one row without padding.

    Attributes:
        chunks: The step's chunks, in the order in which they are packed.
        input_ids: Tokens, int64, [1, t].
        position_ids: Their positions in their sequences, int64, [1, t].
        cache_slots: Where their keys and values belong in the cache, block id times block size
            plus offset, int64, [t].
        sampled_rows: Which of the t tokens a new token is sampled after, int64, [s].
        layer_windows: Window size of each layer; None for a full layer.
        attention: A plan for each of these window sizes.
    """

    chunks: tuple[ScheduledChunk, ...]
    input_ids: torch.Tensor
    position_ids: torch.Tensor
    cache_slots: torch.Tensor
    sampled_rows: torch.Tensor
    layer_windows: tuple[int | None, ...]
    attention: dict[int | None, AttentionPlan]

    @classmethod
    def build(
        cls,
        chunks: SequenceOf[ScheduledChunk],
        block_size: int,
        layer_windows: tuple[int | None, ...],
        device: torch.device,
    ) -> "StepPlan":
        """Packs the chunks of a step.

        Args:
            chunks: At least one.
            block_size: Number of tokens of a cache block.
            layer_windows: Window size of each layer; None for a full layer.
            device: Where the tensors belong.
        """
        # Singles first and by length: neighbours are padded to each other in the attention.
        ordered = tuple(sorted(chunks, key=lambda chunk: (chunk.num_tokens > 1, chunk.end)))
        input_ids: list[int] = []
        positions: list[int] = []
        slots: list[int] = []
        sampled_rows: list[int] = []
        for chunk in ordered:
            table = chunk.sequence.block_table
            input_ids += chunk.token_ids
            positions += range(chunk.start, chunk.end)
            slots += (
                table[position // block_size] * block_size + position % block_size
                for position in range(chunk.start, chunk.end)
            )
            if chunk.is_last:
                sampled_rows.append(len(input_ids) - 1)
        return cls(
            chunks=ordered,
            input_ids=torch.tensor([input_ids], device=device),
            position_ids=torch.tensor([positions], device=device),
            cache_slots=torch.tensor(slots, device=device),
            sampled_rows=torch.tensor(sampled_rows, dtype=torch.int64, device=device),
            layer_windows=layer_windows,
            attention={
                window: AttentionPlan.build(ordered, block_size, window, device)
                for window in set(layer_windows)
            },
        )

    def attention_of_layer(self, layer_index: int) -> AttentionPlan:
        """The plan that a layer follows."""
        return self.attention[self.layer_windows[layer_index]]
