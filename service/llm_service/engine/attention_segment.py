from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class AttentionSegment:
    """Consecutive queries of a step that attend in one kernel call.

    Either the single queries of several sequences, padded to the same number of keys, or the
    queries of one sequence's prompt chunk.

    Attributes:
        query_start: Where its queries begin among the step's queries.
        num_sequences: Number of sequences, n.
        query_length: Number of queries of each sequence, q.
        key_start: Where its keys begin among the gathered keys.
        key_length: Number of keys of each sequence, padding included, k.
        mask: Boolean, [n, 1, q, k], true where a query sees a key; None where all see all.
    """

    query_start: int
    num_sequences: int
    query_length: int
    key_start: int
    key_length: int
    mask: torch.Tensor | None

    @property
    def query_end(self) -> int:
        """Where its queries end."""
        return self.query_start + self.num_sequences * self.query_length

    @property
    def key_end(self) -> int:
        """Where its keys end."""
        return self.key_start + self.num_sequences * self.key_length
