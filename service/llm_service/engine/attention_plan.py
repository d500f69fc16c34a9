from collections.abc import Sequence as SequenceOf
from dataclasses import dataclass

import torch

from llm_service.engine.attention_segment import AttentionSegment
from llm_service.engine.scheduled_chunk import ScheduledChunk

# Decodes whose contexts differ by more than this factor are padded in separate segments.
MAX_PADDING_FACTOR = 2


@dataclass(frozen=True)
class AttentionPlan:
    """Which cache blocks the queries of a step read, for all layers of one window size.

    Attributes:
        block_ids: Blocks to gather, those of one segment after those of another, int64.
        segments: How queries and gathered keys belong together.
    """

    block_ids: torch.Tensor
    segments: tuple[AttentionSegment, ...]

    @classmethod
    def build(
        cls,
        chunks: SequenceOf[ScheduledChunk],
        block_size: int,
        window: int | None,
        device: torch.device,
    ) -> "AttentionPlan":
        """Plans a step.

        Args:
            chunks: The step's chunks: single tokens first, by rising end, then longer chunks.
            block_size: Number of tokens of a cache block.
            window: How many keys a query sees at most, its own included; None sees all before.
            device: Where the tensors belong.
        """
        block_ids: list[int] = []
        segments: list[AttentionSegment] = []
        query_start = 0
        for group in _group(chunks):
            tables = [_visible_blocks(chunk, block_size, window) for chunk in group]
            width = max(len(blocks) for _, blocks in tables)
            segment = AttentionSegment(
                query_start=query_start,
                num_sequences=len(group),
                query_length=group[0].num_tokens,
                key_start=len(block_ids) * block_size,
                key_length=width * block_size,
                mask=_mask(
                    group, [first for first, _ in tables], width * block_size, window, device
                ),
            )
            for _, blocks in tables:
                # Padding repeats a block of the sequence's own: masked, and never another's
                # content, whose invalid numbers could spread through a mask.
                block_ids += blocks + blocks[-1:] * (width - len(blocks))
            segments.append(segment)
            query_start = segment.query_end
        return cls(torch.tensor(block_ids, device=device), tuple(segments))


def _group(chunks: SequenceOf[ScheduledChunk]) -> list[list[ScheduledChunk]]:
    groups: list[list[ScheduledChunk]] = []
    for chunk in chunks:
        joins = (
            groups
            and chunk.num_tokens == 1 == groups[-1][0].num_tokens
            and chunk.end <= MAX_PADDING_FACTOR * groups[-1][0].end
        )
        if joins:
            groups[-1].append(chunk)
        else:
            groups.append([chunk])
    return groups


def _visible_blocks(
    chunk: ScheduledChunk, block_size: int, window: int | None
) -> tuple[int, list[int]]:
    """The position of the first key and the blocks that any of the chunk's queries sees."""
    first_key = 0 if window is None else max(0, chunk.start + 1 - window)
    first_block = first_key // block_size
    last_block = (chunk.end - 1) // block_size
    table = chunk.sequence.block_table
    return first_block * block_size, table[first_block : last_block + 1]


def _mask(
    group: SequenceOf[ScheduledChunk],
    first_keys: SequenceOf[int],
    key_length: int,
    window: int | None,
    device: torch.device,
) -> torch.Tensor:
    starts = torch.tensor([[chunk.start] for chunk in group], device=device)
    queries = (starts + torch.arange(group[0].num_tokens, device=device)).unsqueeze(-1)
    firsts = torch.tensor(first_keys, device=device).view(-1, 1, 1)
    keys = firsts + torch.arange(key_length, device=device)
    visible = keys <= queries
    if window is not None:
        visible &= keys > queries - window
    return visible.unsqueeze(1)
