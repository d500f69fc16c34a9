from collections.abc import Sequence as SequenceOf
from typing import Any

import torch
from transformers.cache_utils import Cache

from llm_service.engine.cache_layer_layout import CacheLayerLayout
from llm_service.engine.paged_cache_layer import PagedCacheLayer
from llm_service.engine.step_plan import StepPlan


class PagedKvCache(Cache):  # type: ignore[misc] # transformers has no types
    """Keys and values of all sequences in blocks of equal size, shared by the whole batch.

    It takes the place of transformers' own caches in a model's forward: each layer writes the
    keys and values of the step's tokens into their slots and gets those back that the step's
    queries attend to, as the step's plan says.
    """

    def __init__(
        self,
        layouts: SequenceOf[CacheLayerLayout],
        num_blocks: int,
        block_size: int,
        device: torch.device,
    ) -> None:
        """Allocates the blocks.

        Args:
            layouts: What each layer keeps.
            num_blocks: Number of blocks.
            block_size: Number of tokens of a block.
            device: Where the blocks live.
        """
        super().__init__(
            layers=[PagedCacheLayer(layout, num_blocks, block_size, device) for layout in layouts]
        )
        self._plan: StepPlan | None = None

    def begin_step(self, plan: StepPlan) -> None:
        """Sets the plan that the layers' updates follow from here on."""
        self._plan = plan

    def update(
        self,
        key_states: torch.Tensor,
        value_states: torch.Tensor,
        layer_idx: int,
        *_args: Any,
        **_kwargs: Any,
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Writes a layer's new keys and values and gathers what its queries attend to.

        Args:
            key_states: Keys of the step's tokens, [1, heads, t, size].
            value_states: Their values, [1, heads, t, size].
            layer_idx: Index of the layer.
            *_args: Not used.
            **_kwargs: Not used.

        Returns:
            Keys and values, [1, heads, k, size], in the order of the plan's segments.
        """
        assert self._plan is not None
        gathered: tuple[torch.Tensor, torch.Tensor] = self.layers[layer_idx].update(
            key_states, value_states, self._plan
        )
        return gathered

    def erase(self, block_ids: SequenceOf[int]) -> None:
        """Overwrites blocks with zeros."""
        for layer in self.layers:
            layer.keys[list(block_ids)] = 0
            layer.values[list(block_ids)] = 0
