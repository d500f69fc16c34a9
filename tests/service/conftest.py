from __future__ import annotations

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tests.doubles.tiny_model import make_random_model
from tests.doubles.tiny_tokenizer import make_tiny_tokenizer

# Tiny models gain nothing from threads, and lose much where tests run side by side.
torch.set_num_threads(1)


@pytest.fixture
def tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with a token for each byte and a chat template."""
    return make_tiny_tokenizer()


@pytest.fixture
def random_model(tokenizer: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    """A small Llama with random weights."""
    return make_random_model(tokenizer)
