from typing import Any

import torch
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface

from llm_service.engine.attention_segment import AttentionSegment
from llm_service.engine.errors import UnsupportedModelError
from llm_service.engine.step_plan import StepPlan

# Name under which transformers' models find this attention.
PAGED_ATTENTION = "llm_service_paged"
# What some models ask of their attention beyond scale, mask and window.
_UNSUPPORTED_OPTIONS = ("softcap", "s_aux", "position_bias")


def paged_attention(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,  # noqa: ARG001 - part of the signature
    *,
    step_plan: StepPlan,
    scaling: float | None = None,
    **options: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of packed sequences over gathered cache blocks.

    Has the signature of transformers' attention functions; `step_plan` reaches it through the
    model's keyword arguments.

    Args:
        module: The attention module that calls.
        query: [1, query heads, t, size]
        key: Gathered keys, [1, key heads, k, size].
        value: Gathered values, [1, key heads, k, value size].
        attention_mask: Not used: the plan has the masks.
        step_plan: The step's plan.
        scaling: Multiplies the scores; None takes 1 / sqrt(size).
        **options: Further options of transformers' attention functions.

    Returns:
        The attention's output, [1, t, query heads, value size], and None for the weights.

    Raises:
        UnsupportedModelError: The model wants an option that is not implemented here.
    """
    for name in _UNSUPPORTED_OPTIONS:
        if options.get(name) is not None:
            raise UnsupportedModelError(f"its attention wants {name}")
    outputs = [
        _attend(segment, query, key, value, scaling)
        for segment in step_plan.attention_of_layer(module.layer_idx).segments
    ]
    return torch.cat(outputs).unsqueeze(0), None


def _attend(
    segment: AttentionSegment,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    scaling: float | None,
) -> torch.Tensor:
    """Attention of one segment, [queries, query heads, value size]."""
    queries = _split(query[0, :, segment.query_start : segment.query_end], segment.num_sequences)
    keys = _split(key[0, :, segment.key_start : segment.key_end], segment.num_sequences)
    values = _split(value[0, :, segment.key_start : segment.key_end], segment.num_sequences)
    output = scaled_dot_product_attention(
        queries,
        keys,
        values,
        attn_mask=segment.mask,
        scale=scaling,
        enable_gqa=queries.shape[1] != keys.shape[1],
    )
    return output.transpose(1, 2).flatten(0, 1)


def _split(states: torch.Tensor, num_sequences: int) -> torch.Tensor:
    """[heads, n x length, size] as [n, heads, length, size], without a copy."""
    heads, length, size = states.shape
    return states.view(heads, num_sequences, length // num_sequences, size).transpose(0, 1)


AttentionInterface.register(PAGED_ATTENTION, paged_attention)
