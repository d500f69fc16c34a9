from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, on its device.

    Attributes:
        name: The setting MODEL_NAME that it was loaded by.
        model: The model.
        tokenizer: Its tokenizer, one that the tokenizers library runs.
        parameter_count: Number of parameters.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    parameter_count: int

    @property
    def architecture(self) -> str:
        """Name of the model's class in transformers, for example Qwen2ForCausalLM."""
        return type(self.model).__name__

    @property
    def dtype(self) -> str:
        """Type of the weights, for example bfloat16."""
        return str(self.model.dtype).removeprefix("torch.")

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        device: torch.device = self.model.device
        return device

    def generation_defaults(self) -> dict[str, Any]:
        """Returns the sampling fields that the model's authors recommend, as they name them."""
        recommended = self.model.generation_config.to_diff_dict()
        names = ("temperature", "top_k", "top_p", "min_p", "repetition_penalty")
        return {name: recommended[name] for name in names if recommended.get(name) is not None}
