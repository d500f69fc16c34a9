from typing import Any

import torch
from transformers.cache_utils import CacheLayerMixin

from llm_service.engine.cache_layer_layout import CacheLayerLayout
from llm_service.engine.step_plan import StepPlan


class PagedCacheLayer(CacheLayerMixin):  # type: ignore[misc] # transformers has no types
    """One layer's blocks.

    Attributes:
        window: How many keys a query sees at most, its own included; None sees all before.
        keys: [blocks, tokens of a block, heads, size]
        values: [blocks, tokens of a block, heads, size]
    """

    # Tells transformers' mask code that nothing slides out of this cache: the window is in the
    # attention plan's mask.
    is_sliding = False

    def __init__(
        self, layout: CacheLayerLayout, num_blocks: int, block_size: int, device: torch.device
    ) -> None:
        super().__init__()
        self.window = layout.window
        # Zeroed, because what a mask hides is still multiplied: stray bits could be NaN.
        self.keys: torch.Tensor = torch.zeros(
            (num_blocks, block_size, *layout.key_shape), dtype=layout.dtype, device=device
        )
        self.values: torch.Tensor = torch.zeros(
            (num_blocks, block_size, *layout.value_shape), dtype=layout.dtype, device=device
        )
        self.is_initialized = True

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        plan: StepPlan,
        *_args: Any,
        **_kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Writes new keys and values and gathers the ones that the plan names.

        Args:
            key_states: Keys of the step's tokens, [1, heads, t, size].
            value_states: Their values, [1, heads, t, size].
            plan: The step's plan.
            *_args: Not used.
            **_kwargs: Not used.

        Returns:
            Keys and values, [1, heads, k, size].
        """
        block_ids = plan.attention[self.window].block_ids
        return (
            _write_and_gather(self.keys, key_states, plan.cache_slots, block_ids),
            _write_and_gather(self.values, value_states, plan.cache_slots, block_ids),
        )

    def lazy_initialization(self, key_states: torch.Tensor, value_states: torch.Tensor) -> None:
        """Does nothing: the blocks are allocated at once."""

    def get_seq_length(self) -> int:
        """0: each sequence has its own length, which the plan's positions tell."""
        return 0

    def get_max_length(self) -> int:
        """-1, no maximum: the scheduler keeps the bounds."""
        return -1

    def get_max_cache_shape(self) -> int:
        """The same, as transformers before 5.24 calls it."""
        return -1

    def get_mask_sizes(self, query_length: int) -> tuple[int, int]:
        """Sizes for transformers' own masks, which are not used."""
        return query_length, 0


def _write_and_gather(
    blocks: torch.Tensor, states: torch.Tensor, slots: torch.Tensor, block_ids: torch.Tensor
) -> torch.Tensor:
    blocks.flatten(0, 1).index_copy_(0, slots, states[0].transpose(0, 1))
    return blocks.index_select(0, block_ids).flatten(0, 1).transpose(0, 1).unsqueeze(0)
