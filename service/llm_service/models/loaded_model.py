from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from llm_service.models.weights_fingerprint import weights_fingerprint


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory, on its device.

    Attributes:
        name: The setting MODEL_NAME that it was loaded by.
        model: The model.
        tokenizer: Its tokenizer, one that the tokenizers library runs.
        parameter_count: Number of parameters.
        fingerprint: The same on every server that has these weights.
    """

    name: str
    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    parameter_count: int
    fingerprint: str = field(init=False)

    def __post_init__(self) -> None:
        """Looks at the weights now: an engine may take them out of the model later."""
        object.__setattr__(self, "fingerprint", weights_fingerprint(self.model))

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
