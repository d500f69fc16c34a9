import torch

from llm_service.fast_decoder.fast_decoder import FastDecoder
from llm_service.fast_decoder.sequence_part import SequencePart

BLOCK_SIZE = 8


class PagedTexts:
    """Texts in a paged cache, their blocks mixed up, that a decoder reads part by part."""

    def __init__(
        self, decoder: FastDecoder, dtype: torch.dtype, texts: dict[str, list[int]]
    ) -> None:
        shape = decoder.shape
        self._decoder = decoder
        self._texts = texts
        self._read = dict.fromkeys(texts, 0)
        needed = {name: -(-len(text) // BLOCK_SIZE) for name, text in texts.items()}
        total = sum(needed.values()) + 3
        order = torch.randperm(total, generator=torch.Generator().manual_seed(5)).tolist()
        self._tables = {name: [order.pop() for _ in range(count)] for name, count in needed.items()}
        size = (total, BLOCK_SIZE, shape.key_heads, shape.head_size)
        # Whatever was in the cache before must not matter.
        layers = range(len(shape.windows))
        self._keys = [torch.full(size, torch.nan, dtype=dtype) for _ in layers]
        self._values = [torch.full(size, torch.nan, dtype=dtype) for _ in layers]

    def read(self, **counts: int) -> torch.Tensor:
        """Reads so many further tokens of the texts in one step; logits after each, [n, v]."""
        parts = []
        for name, count in counts.items():
            start = self._read[name]
            tokens = self._texts[name][start : start + count]
            assert len(tokens) == count
            parts.append(SequencePart(tokens, start, self._tables[name], wants_logits=True))
            self._read[name] += count
        return self._decoder.forward(parts, self._keys, self._values)
