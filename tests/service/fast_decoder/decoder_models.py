from collections.abc import Callable

import torch
import transformers

_SHAPE = {
    # None of these is a multiple of what the kernels work in.
    "vocab_size": 301,
    "hidden_size": 72,
    "intermediate_size": 100,
    "num_hidden_layers": 3,
    "num_attention_heads": 6,
    "num_key_value_heads": 2,
    "head_dim": 20,
    "max_position_embeddings": 2048,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": None,
}

CONFIGS: dict[str, Callable[[], transformers.PreTrainedConfig]] = {
    "llama": lambda: transformers.LlamaConfig(**_SHAPE, tie_word_embeddings=False),
    "llama3_rope": lambda: transformers.LlamaConfig(
        **_SHAPE,
        tie_word_embeddings=True,
        attention_bias=False,
        rope_parameters={
            "rope_type": "llama3",
            "rope_theta": 5e5,
            "factor": 8.0,
            "low_freq_factor": 1.0,
            "high_freq_factor": 4.0,
            "original_max_position_embeddings": 64,
        },
    ),
    "mistral": lambda: transformers.MistralConfig(**_SHAPE, sliding_window=9),
    "qwen2": lambda: transformers.Qwen2Config(**_SHAPE, tie_word_embeddings=True),
    "qwen2_one_key_head": lambda: transformers.Qwen2Config(
        **{**_SHAPE, "num_key_value_heads": 1, "head_dim": 64}
    ),
    "qwen3": lambda: transformers.Qwen3Config(**_SHAPE, tie_word_embeddings=True),
    "gemma3": lambda: transformers.Gemma3TextConfig(
        **_SHAPE,
        sliding_window=100,
        layer_types=["sliding_attention", "full_attention", "sliding_attention"],
        query_pre_attn_scalar=17,
        rope_parameters={
            "sliding_attention": {"rope_type": "default", "rope_theta": 1e4},
            "full_attention": {"rope_type": "linear", "rope_theta": 1e6, "factor": 8.0},
        },
    ),
}


def make_decoder_model(
    name: str, dtype: torch.dtype = torch.float32
) -> transformers.PreTrainedModel:
    """Makes a model with random weights, biases and norms, the same at every call."""
    torch.manual_seed(11)
    model = transformers.AutoModelForCausalLM.from_config(CONFIGS[name](), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            scale = 0.3 if parameter.dim() == 1 else parameter.shape[1] ** -0.5
            parameter.add_(torch.randn_like(parameter), alpha=scale)
    return model.to(dtype).eval()
