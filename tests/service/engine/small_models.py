from collections.abc import Callable

import torch
import transformers

_SHAPE = {
    "vocab_size": 320,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 96,
    "max_position_embeddings": 256,
    "tie_word_embeddings": False,
    "bos_token_id": None,
    "eos_token_id": None,
    "pad_token_id": 0,
}
_LATENT_ATTENTION = {
    "num_key_value_heads": 4,
    "kv_lora_rank": 32,
    "q_lora_rank": 24,
    "qk_nope_head_dim": 16,
    "qk_rope_head_dim": 8,
    "v_head_dim": 12,
    "n_routed_experts": 8,
    "num_experts_per_tok": 2,
    "n_shared_experts": 1,
    "moe_intermediate_size": 32,
    "first_k_dense_replace": 1,
}
_DYNAMIC_ROPE = {"rope_type": "dynamic", "rope_theta": 10000.0, "factor": 2.0}

# Architectures that run packed over the paged cache.
PAGED: dict[str, Callable[[], transformers.PreTrainedConfig]] = {
    "qwen2": lambda: transformers.Qwen2Config(**_SHAPE, num_key_value_heads=2),
    "llama": lambda: transformers.LlamaConfig(**_SHAPE, num_key_value_heads=2),
    # A window far shorter than the texts, in one of the two layers.
    "gemma3": lambda: transformers.Gemma3TextConfig(
        **_SHAPE,
        num_key_value_heads=1,
        head_dim=32,
        sliding_window=12,
        layer_types=["sliding_attention", "full_attention"],
    ),
    "deepseek_v2": lambda: transformers.DeepseekV2Config(
        **_SHAPE, **_LATENT_ATTENTION, topk_method="greedy", n_group=1, topk_group=1
    ),
    "deepseek_v3": lambda: transformers.DeepseekV3Config(
        **_SHAPE, **_LATENT_ATTENTION, n_group=2, topk_group=1
    ),
}
# Models that only the general way serves, and what the log says of them.
SEQUENTIAL: dict[str, tuple[Callable[[], transformers.PreTrainedConfig], str]] = {
    "mamba": (
        lambda: transformers.MambaConfig(
            vocab_size=320,
            hidden_size=64,
            num_hidden_layers=2,
            tie_word_embeddings=False,
            eos_token_id=None,
        ),
        "its attention cannot be replaced",
    ),
    "gemma2": (
        lambda: transformers.Gemma2Config(
            **_SHAPE, num_key_value_heads=2, head_dim=32, sliding_window=12
        ),
        "its attention wants softcap",
    ),
    "dynamic_rope": (
        lambda: transformers.LlamaConfig(
            **_SHAPE, num_key_value_heads=2, rope_parameters=_DYNAMIC_ROPE
        ),
        "its rotary embedding is dynamic",
    ),
}
CONFIGS = {**PAGED, **{name: make for name, (make, _) in SEQUENTIAL.items()}}


def make_small_model(name: str) -> transformers.PreTrainedModel:
    """Makes a small float32 model with random weights, the same at every call.

    The weights are large enough that greedy answers do not settle on one token.
    """
    torch.manual_seed(7)
    model = transformers.AutoModelForCausalLM.from_config(CONFIGS[name](), dtype=torch.float32)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:
                parameter.normal_(std=0.15)
    return model.eval()
