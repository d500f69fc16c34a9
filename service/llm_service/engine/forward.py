import inspect
from collections.abc import Callable
from functools import cache as memoize
from typing import Any

import torch
from transformers import PreTrainedModel
from transformers.cache_utils import Cache

from llm_service.engine.errors import UnsupportedModelError

# What transformers calls the cache: since 5.24, before it, and in state-space models.
_CACHE_ARGUMENTS = ("cache", "past_key_values", "cache_params")


def forward(
    model: PreTrainedModel,
    input_ids: torch.Tensor,
    position_ids: torch.Tensor,
    cache: Cache,
    *,
    logits_to_keep: torch.Tensor | int = 0,
    **options: Any,
) -> torch.Tensor:
    """Runs a causal language model of transformers over new tokens.

    Args:
        model: The model.
        input_ids: Tokens, int64, [n, t].
        position_ids: Their positions, int64, [n, t].
        cache: Keys and values of earlier tokens; takes the new ones.
        logits_to_keep: Rows of the t whose logits are wanted, as indices or as a number of last
            ones; 0 wants all. A model that cannot leave rows out returns all.
        **options: Handed through the model to its attention.

    Returns:
        Logits, [n, rows, vocabulary].

    Raises:
        UnsupportedModelError: The model takes no cache.
    """
    accepted = _parameters(model)
    options[_cache_argument(model)] = cache
    if "position_ids" in accepted:
        options["position_ids"] = position_ids
    if "logits_to_keep" in accepted:
        options["logits_to_keep"] = logits_to_keep
    with torch.inference_mode():
        logits: torch.Tensor = model(input_ids=input_ids, use_cache=True, **options).logits
    return logits


def _cache_argument(model: PreTrainedModel) -> str:
    for name in _CACHE_ARGUMENTS:
        if name in _parameters(model):
            return name
    raise UnsupportedModelError(f"{type(model).__name__} takes no cache, so it cannot be served")


def _parameters(model: PreTrainedModel) -> frozenset[str]:
    return _parameters_of(type(model).forward)


@memoize
def _parameters_of(function: Callable[..., Any]) -> frozenset[str]:
    return frozenset(inspect.signature(function).parameters)
