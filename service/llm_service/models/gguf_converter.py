from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig
from transformers import logging as transformers_logging
from transformers.modeling_gguf_pytorch_utils import load_gguf_checkpoint

from llm_service.models.errors import ModelLoadError
from llm_service.models.gguf_reading import one_gguf_reading
from llm_service.models.progress import Progress

log = logging.getLogger(__name__)

# Part of the cache's key: raise it when the converted folder changes for the same file.
FORMAT_VERSION = 1

# A GGUF file names one end-of-sequence token, while chat models end a turn with another.
_END_OF_TURN_TOKENS = (
    "<end_of_turn>",
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<|end|>",
    "<|endoftext|>",
    "<｜end▁of▁sentence｜>",
)


def convert_gguf(gguf_file: Path, folder: Path) -> None:
    """Writes a GGUF file's model as transformers keeps one, with weights in bfloat16.

    transformers reads and dequantises the file; bfloat16 keeps more than any quantised type has.
    `from_pretrained(gguf_file=...)` would do the same, but asks for accelerate, which in turn would
    force a build of torch upon the lock.

    Args:
        gguf_file: The file.
        folder: Where to write config.json, generation_config.json, model.safetensors and the
            tokenizer's files, the chat template among them if the file has one.

    Raises:
        ModelLoadError: transformers cannot read it.
    """
    transformers_logging.disable_progress_bar()
    where: dict[str, Any] = {"gguf_file": gguf_file.name, "local_files_only": True}
    try:
        with one_gguf_reading():
            with Progress(log, f"reading {gguf_file.name}"):
                config = AutoConfig.from_pretrained(gguf_file.parent, **where)
            with Progress(log, f"converting the tokenizer of {gguf_file.name}"):
                tokenizer = AutoTokenizer.from_pretrained(gguf_file.parent, **where)
            with Progress(log, f"converting the weights of {gguf_file.name}"):
                architecture = _save_weights(gguf_file, config, folder)
    except (ValueError, KeyError, NotImplementedError) as error:
        raise ModelLoadError(f"{gguf_file}: transformers cannot read it: {error}") from error
    config.architectures = [architecture]
    config.dtype = "bfloat16"
    config.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    GenerationConfig(
        bos_token_id=config.bos_token_id,
        pad_token_id=config.pad_token_id,
        eos_token_id=_end_tokens(config, tokenizer),
    ).save_pretrained(folder)


def _save_weights(gguf_file: Path, config: Any, folder: Path) -> str:
    """Writes model.safetensors and returns the name of the model's class."""
    # Only names and shapes of the parameters are wanted: on the meta device they take no memory.
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config)
    checkpoint = load_gguf_checkpoint(
        str(gguf_file), return_tensors=True, model_to_load=model, torch_dtype=torch.bfloat16
    )
    save_file(checkpoint["tensors"], folder / "model.safetensors", metadata={"format": "pt"})
    return type(model).__name__


def _end_tokens(config: Any, tokenizer: Any) -> list[int]:
    named = config.eos_token_id
    vocabulary = tokenizer.get_vocab()
    ends = {vocabulary[token] for token in _END_OF_TURN_TOKENS if token in vocabulary}
    ends.update(named if isinstance(named, list) else [named])
    # A tokenizer's class may add tokens of its own that the model was never made for.
    return sorted(token for token in ends if token is not None and token < config.vocab_size)
