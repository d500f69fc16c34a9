from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from templates.model_size import MODEL_SIZES, ModelSize

_DTYPE_BYTES = {"float64": 8, "float32": 4, "float8_e4m3fn": 1, "int8": 1}
_CACHE_BYTES = 2  # bfloat16


def find_model_size(name: str) -> ModelSize | None:
    """Returns what a model takes, from its own configuration or else from the known models.

    Args:
        name: A folder with config.json, or a hub id: the hub's cache on this machine is looked at,
            and the hub itself is never asked.

    Returns:
        None when nothing here tells.
    """
    folder = _folder_of(name)
    if folder is not None:
        return read_model_size(folder, name)
    return next((model for model in MODEL_SIZES if model.name == name), None)


def read_model_size(folder: Path, name: str | None = None) -> ModelSize:
    """Returns what a model takes, from its folder.

    Args:
        folder: Holds config.json in the form of transformers, and perhaps the weights.
        name: The model's name; without it the folder's.

    Raises:
        ValueError: config.json is not one of a decoder-only language model.
    """
    document = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    # Models of several kinds of input keep the language model's part apart.
    config = document.get("text_config", document)
    try:
        parameters = _stored_parameters(folder, document) or _estimated_parameters(config)
        return ModelSize(name or folder.name, parameters, _cache_bytes_per_token(config))
    except KeyError as error:
        raise ValueError(
            f"{folder / 'config.json'}: no {error.args[0]}: not the configuration of a language"
            " model that this server loads"
        ) from error


def _folder_of(name: str) -> Path | None:
    if (Path(name) / "config.json").is_file():
        return Path(name)
    home = Path(os.environ.get("HF_HOME", "~/.cache/huggingface")).expanduser()
    cache = Path(os.environ.get("HF_HUB_CACHE", home / "hub"))
    snapshots = cache / f"models--{name.replace('/', '--')}" / "snapshots"
    found = [path.parent for path in snapshots.glob("*/config.json")]
    # The latest download, when there are several revisions.
    return max(found, key=lambda path: path.stat().st_mtime, default=None)


def _stored_parameters(folder: Path, config: dict[str, Any]) -> float | None:
    """Returns the number of weights by the size of the files, or None without files."""
    size = sum(path.stat().st_size for path in folder.glob("*.safetensors"))
    index = folder / "model.safetensors.index.json"
    if index.is_file():
        size = json.loads(index.read_text(encoding="utf-8"))["metadata"]["total_size"]
    if not size:
        return None
    dtype = str(config.get("torch_dtype") or config.get("dtype") or "bfloat16")
    return float(size / _DTYPE_BYTES.get(dtype, 2))


def _estimated_parameters(config: dict[str, Any]) -> float:
    """Returns the number of weights of a transformer with gated feed-forward layers."""
    hidden, layers = config["hidden_size"], config["num_hidden_layers"]
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim") or hidden // heads
    kv_heads = config.get("num_key_value_heads") or heads
    attention = 2 * hidden * heads * head_size + 2 * hidden * kv_heads * head_size
    experts = config.get("num_experts") or config.get("n_routed_experts")
    if experts:
        width = config["moe_intermediate_size"]
        feed_forward = 3 * hidden * width * (experts + (config.get("n_shared_experts") or 0))
    else:
        feed_forward = 3 * hidden * config["intermediate_size"]
    embeddings = config["vocab_size"] * hidden * (1 if config.get("tie_word_embeddings") else 2)
    return float(embeddings + layers * (attention + feed_forward))


def _cache_bytes_per_token(config: dict[str, Any]) -> int:
    heads = config["num_attention_heads"]
    head_size = config.get("head_dim") or config["hidden_size"] // heads
    kv_heads = config.get("num_key_value_heads") or heads
    return int(2 * config["num_hidden_layers"] * kv_heads * head_size * _CACHE_BYTES)
