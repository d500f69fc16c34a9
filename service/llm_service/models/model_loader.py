from __future__ import annotations

import logging
from pathlib import Path

from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase
from transformers import logging as transformers_logging

from llm_service.models.device_choice import choose_device, choose_dtype
from llm_service.models.errors import ModelLoadError
from llm_service.models.loaded_model import LoadedModel
from llm_service.models.model_files import find_model
from llm_service.models.progress import Progress

log = logging.getLogger(__name__)


def load_model(
    name: str, *, revision: str | None, cache_dir: Path, device: str, dtype: str
) -> LoadedModel:
    """Loads a model and its tokenizer.

    Only safetensors files are read, by memory map, and no code that comes with a model runs.

    Args:
        name: The setting MODEL_NAME.
        revision: Branch, tag or commit of a hub model; None takes its main branch.
        cache_dir: Where converted models are kept.
        device: The setting DEVICE.
        dtype: The setting DTYPE.

    Raises:
        ModelLoadError: The model cannot be found, fetched, converted or loaded.
    """
    transformers_logging.disable_progress_bar()
    target = choose_device(device)
    folder = find_model(name, revision, cache_dir)
    weights_type = choose_dtype(dtype, target, folder)
    try:
        with Progress(log, "loading the tokenizer"):
            tokenizer = AutoTokenizer.from_pretrained(
                folder, local_files_only=True, trust_remote_code=False
            )
        _require_fast(tokenizer, name)
        with Progress(log, "loading the weights"):
            model = AutoModelForCausalLM.from_pretrained(
                folder,
                dtype=weights_type,
                use_safetensors=True,
                local_files_only=True,
                trust_remote_code=False,
            ).to(target)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise ModelLoadError(
            f"MODEL_NAME={name}: transformers cannot load {folder}: {error}"
        ) from error
    return LoadedModel(
        name=name, model=model, tokenizer=tokenizer, parameter_count=model.num_parameters()
    )


def _require_fast(tokenizer: PreTrainedTokenizerBase, name: str) -> None:
    if not tokenizer.is_fast:
        raise ModelLoadError(
            f"MODEL_NAME={name}: its tokenizer {type(tokenizer).__name__} is written in Python; "
            "only models with a tokenizer.json can be served"
        )
