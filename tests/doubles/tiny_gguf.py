from __future__ import annotations

from pathlib import Path

import gguf
import torch
from transformers import Qwen2Config, Qwen2ForCausalLM

TOKENS = ["a", "b", "c", "Ġ", "Ċ", "ab", "<s>", "</s>", "<|im_end|>"]
_NORMAL, _CONTROL = 1, 3


def make_tiny_qwen2() -> Qwen2ForCausalLM:
    """Makes a small Qwen2 whose weights bfloat16 holds exactly."""
    torch.manual_seed(0)
    config = Qwen2Config(
        vocab_size=len(TOKENS),
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        num_key_value_heads=1,
        max_position_embeddings=64,
        tie_word_embeddings=False,
    )
    return Qwen2ForCausalLM(config).eval().to(torch.bfloat16).float()


def write_tiny_gguf(
    path: Path, model: Qwen2ForCausalLM, chat_template: str | None = "{{ messages }}"
) -> None:
    """Writes the model as a GGUF file, as llama.cpp's tools do."""
    writer = gguf.GGUFWriter(path, "qwen2")
    config = model.config
    writer.add_name("Tiny Qwen2")
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(10_000.0)
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types([_NORMAL] * 6 + [_CONTROL] * 3)
    writer.add_token_merges(["a b"])
    writer.add_bos_token_id(6)
    writer.add_eos_token_id(7)
    if chat_template:
        writer.add_chat_template(chat_template)
    names = gguf.get_tensor_name_map(gguf.MODEL_ARCH.QWEN2, config.num_hidden_layers)
    for name, tensor in model.state_dict().items():
        writer.add_tensor(names.get_name(name, (".weight", ".bias")), tensor.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
