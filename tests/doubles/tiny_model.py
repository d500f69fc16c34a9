from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

import torch
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase

CONTEXT_LENGTH = 512


def make_random_model(tokenizer: PreTrainedTokenizerBase, seed: int = 0) -> LlamaForCausalLM:
    """Makes a small Llama with random weights, the same for the same seed."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(_config(tokenizer, hidden_size=32)).eval()


def make_scripted_model(
    tokenizer: PreTrainedTokenizerBase,
    scripts: Mapping[str, Sequence[str]],
    context_length: int = CONTEXT_LENGTH,
) -> LlamaForCausalLM:
    """Makes a Llama that continues a token always with the same one.

    Its layers add nothing, so that the logits depend on the last token alone, by a margin that no
    temperature in use levels.

    Args:
        tokenizer: Its tokenizer.
        scripts: For the text of a token, what follows it, as texts that the tokenizer turns into
            one or more tokens. A token that nothing follows is followed by the end of the turn.
        context_length: The most tokens that it says it was trained for.

    Raises:
        ValueError: Two scripts want different tokens after the same one.
    """
    size = len(tokenizer)
    config = _config(tokenizer, hidden_size=size + size % 2)
    config.max_position_embeddings = context_length
    model = LlamaForCausalLM(config).eval()
    with torch.no_grad():
        for layer in model.model.layers:
            layer.self_attn.o_proj.weight.zero_()
            layer.mlp.down_proj.weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size, model.config.hidden_size))
        model.lm_head.weight.zero_()
        for token, follower in _followers(tokenizer, scripts).items():
            model.lm_head.weight[follower, token] = 10
    return model


def _followers(
    tokenizer: PreTrainedTokenizerBase, scripts: Mapping[str, Sequence[str]]
) -> dict[int, int]:
    followers: dict[int, int] = {}
    for start, texts in scripts.items():
        tokens = [
            token
            for text in (start, *texts)
            for token in tokenizer.encode(text, add_special_tokens=False)
        ]
        for token, follower in pairwise(tokens):
            if followers.setdefault(token, follower) != follower:
                raise ValueError(f"two scripts differ after {tokenizer.decode(token)!r}")
    for token in range(len(tokenizer)):
        followers.setdefault(token, tokenizer.eos_token_id)
    return followers


def _config(tokenizer: PreTrainedTokenizerBase, hidden_size: int) -> LlamaConfig:
    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=hidden_size,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=1,
        head_dim=16,
        max_position_embeddings=CONTEXT_LENGTH,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=False,
    )
