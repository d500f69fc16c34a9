from dataclasses import dataclass

import torch


@dataclass(frozen=True)
class CacheLayerLayout:
    """What one layer of a model keeps for each token.

    Multi-head attention keeps keys and values; multi-head latent attention (DeepSeek) keeps the
    compressed latent and the rotated key, which take their places here.

    Attributes:
        key_shape: Heads and size of a token's keys.
        value_shape: Heads and size of a token's values.
        dtype: Type of both.
        window: How many keys a query sees at most, its own included; None sees all before.
    """

    key_shape: tuple[int, int]
    value_shape: tuple[int, int]
    dtype: torch.dtype
    window: int | None

    @property
    def bytes_per_token(self) -> int:
        """Memory of one token, in bytes."""
        keys = self.key_shape[0] * self.key_shape[1]
        values = self.value_shape[0] * self.value_shape[1]
        return (keys + values) * self.dtype.itemsize
