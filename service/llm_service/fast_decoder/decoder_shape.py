from dataclasses import dataclass
from typing import Any

import torch
from transformers import PreTrainedModel

from llm_service.fast_decoder.errors import UnsupportedDecoderError

# The families whose layers are the kernel's. Subclasses may compute something else.
FAMILIES = frozenset(
    {
        "LlamaForCausalLM",
        "MistralForCausalLM",
        "Qwen2ForCausalLM",
        "Qwen3ForCausalLM",
        "Gemma3ForCausalLM",
    }
)

_ACTIVATIONS = {"silu": 0, "gelu_pytorch_tanh": 1}

# Rotary embeddings that change with the length of the text.
_CHANGING_ROPE = frozenset({"dynamic", "longrope"})


@dataclass(frozen=True)
class DecoderShape:
    """Sizes and constants of a decoder, as the kernel wants them.

    Attributes:
        hidden: Size of a token's vector between the layers.
        heads: Number of query heads.
        key_heads: Number of key and value heads.
        head_size: Size of each head.
        intermediate: Size inside the feed-forward part.
        vocabulary: Number of token ids.
        norm_epsilon: Added to the mean square in normalisations.
        norm_offset: Added to the weights of normalisations: 1 in Gemma.
        attention_scale: Multiplies the scores.
        embedding_scale: Multiplies the embeddings.
        activation: Of the feed-forward part, as decoder.h numbers them.
        windows: For each layer how many keys a query sees, its own included; 0 for all.
        layer_types: Name of each layer's rotary embedding; "" where the model has one.
    """

    hidden: int
    heads: int
    key_heads: int
    head_size: int
    intermediate: int
    vocabulary: int
    norm_epsilon: float
    norm_offset: float
    attention_scale: float
    embedding_scale: float
    activation: int
    windows: tuple[int, ...]
    layer_types: tuple[str, ...]

    @classmethod
    def of(cls, model: PreTrainedModel) -> "DecoderShape":
        """Reads a model's shape.

        Raises:
            UnsupportedDecoderError: The model is of another family, or a setting asks for what
                the kernel does not compute.
        """
        name = type(model).__name__
        if name not in FAMILIES or not type(model).__module__.startswith("transformers.models."):
            raise UnsupportedDecoderError(f"{name} is not among {', '.join(sorted(FAMILIES))}")
        config = model.config
        _require_supported(config, model.dtype)
        is_gemma = name == "Gemma3ForCausalLM"
        attention = model.model.layers[0].self_attn
        return cls(
            hidden=config.hidden_size,
            heads=config.num_attention_heads,
            key_heads=config.num_key_value_heads,
            head_size=attention.head_dim,
            intermediate=config.intermediate_size,
            vocabulary=config.vocab_size,
            norm_epsilon=config.rms_norm_eps,
            norm_offset=1.0 if is_gemma else 0.0,
            attention_scale=attention.scaling,
            embedding_scale=_embedding_scale(model) if is_gemma else 1.0,
            activation=_ACTIVATIONS[_activation(config)],
            windows=tuple(
                getattr(layer.self_attn, "sliding_window", None) or _model_window(config, name)
                for layer in model.model.layers
            ),
            layer_types=tuple(config.layer_types) if is_gemma else ("",) * len(model.model.layers),
        )


def _require_supported(config: Any, dtype: torch.dtype) -> None:
    if dtype not in (torch.float32, torch.bfloat16):
        raise UnsupportedDecoderError(f"its weights are {dtype}, not float32 or bfloat16")
    for name, allowed in (
        ("mlp_bias", False),
        ("attn_logit_softcapping", None),
        ("final_logit_softcapping", None),
        ("use_bidirectional_attention", False),
    ):
        value = getattr(config, name, allowed)
        if value != allowed and value is not None:
            raise UnsupportedDecoderError(f"its setting {name} is {value}")
    if _activation(config) not in _ACTIVATIONS:
        raise UnsupportedDecoderError(f"its activation is {_activation(config)}")
    changing = _rope_types(getattr(config, "rope_parameters", None)) & _CHANGING_ROPE
    if changing:
        raise UnsupportedDecoderError(f"its rotary embedding is {', '.join(sorted(changing))}")


def _activation(config: Any) -> str:
    return str(getattr(config, "hidden_activation", None) or config.hidden_act)


def _rope_types(parameters: object) -> frozenset[str]:
    if not isinstance(parameters, dict):
        return frozenset()
    if "rope_type" in parameters:
        return frozenset({str(parameters["rope_type"])})
    return frozenset().union(*(_rope_types(value) for value in parameters.values()))


def _embedding_scale(model: PreTrainedModel) -> float:
    # Rounded to the weights' type, as the model's own forward does.
    return float(model.model.embed_tokens.embed_scale.to(model.dtype))


def _model_window(config: Any, name: str) -> int:
    """Mistral names one window for all layers, not in the layers themselves."""
    if name != "MistralForCausalLM":
        return 0
    return int(getattr(config, "sliding_window", None) or 0)
