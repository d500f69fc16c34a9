from collections.abc import Sequence as SequenceOf
from typing import ClassVar

import torch
from transformers import PreTrainedModel

from llm_service.engine.cache_layer_layout import CacheLayerLayout
from llm_service.engine.forward import forward
from llm_service.engine.model_runner import ModelRunner
from llm_service.engine.paged_attention import PAGED_ATTENTION
from llm_service.engine.paged_kv_cache import PagedKvCache
from llm_service.engine.scheduled_chunk import ScheduledChunk
from llm_service.engine.step_plan import StepPlan


class PagedModelRunner(ModelRunner):
    """Runs all sequences of a step in one forward, packed without padding, over a paged cache.

    For every model of transformers that calls its attention through AttentionInterface.
    """

    reads_in_chunks: ClassVar[bool] = True

    def __init__(
        self,
        model: PreTrainedModel,
        layouts: SequenceOf[CacheLayerLayout],
        num_blocks: int,
        block_size: int,
    ) -> None:
        """Allocates the cache and sets the model's attention.

        Args:
            model: The model, in evaluation mode.
            layouts: What each of its layers keeps.
            num_blocks: Number of cache blocks.
            block_size: Number of tokens of a block.
        """
        self.num_blocks = num_blocks
        self._model = model
        self._device = model.device
        self._block_size = block_size
        self._layer_windows = tuple(layout.window for layout in layouts)
        self._cache = PagedKvCache(layouts, num_blocks, block_size, model.device)
        model.set_attn_implementation(PAGED_ATTENTION)

    def run(self, chunks: SequenceOf[ScheduledChunk]) -> tuple[list[ScheduledChunk], torch.Tensor]:
        """See the base class."""
        plan = StepPlan.build(chunks, self._block_size, self._layer_windows, self._device)
        self._cache.begin_step(plan)
        logits = forward(
            self._model,
            plan.input_ids,
            plan.position_ids,
            self._cache,
            logits_to_keep=plan.sampled_rows,
            step_plan=plan,
        )
        return [chunk for chunk in plan.chunks if chunk.is_last], logits[0]

    def erase(self, block_ids: SequenceOf[int]) -> None:
        """See the base class."""
        self._cache.erase(block_ids)
