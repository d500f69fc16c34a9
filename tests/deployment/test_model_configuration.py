"""What a model takes, read from its configuration."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from deployment.model_configuration import find_model_size, read_model_size
from templates.model_size import MODEL_SIZES

# From the models' config.json on the hub.
CONFIGURATIONS: dict[str, dict[str, Any]] = {
    "HuggingFaceTB/SmolLM2-135M-Instruct": {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "num_hidden_layers": 30,
        "num_attention_heads": 9,
        "num_key_value_heads": 3,
        "vocab_size": 49152,
        "tie_word_embeddings": True,
    },
    "Qwen/Qwen2.5-7B-Instruct": {
        "hidden_size": 3584,
        "intermediate_size": 18944,
        "num_hidden_layers": 28,
        "num_attention_heads": 28,
        "num_key_value_heads": 4,
        "vocab_size": 152064,
        "tie_word_embeddings": False,
    },
    "deepseek-ai/DeepSeek-R1-Distill-Llama-8B": {
        "hidden_size": 4096,
        "intermediate_size": 14336,
        "num_hidden_layers": 32,
        "num_attention_heads": 32,
        "num_key_value_heads": 8,
        "vocab_size": 128256,
        "tie_word_embeddings": False,
    },
    "Qwen/Qwen3-0.6B": {
        "hidden_size": 1024,
        "intermediate_size": 3072,
        "num_hidden_layers": 28,
        "num_attention_heads": 16,
        "num_key_value_heads": 8,
        "head_dim": 128,
        "vocab_size": 151936,
        "tie_word_embeddings": True,
    },
}


def folder_of(path: Path, config: dict[str, Any]) -> Path:
    path.mkdir(parents=True)
    (path / "config.json").write_text(json.dumps(config))
    return path


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_the_known_models_are_what_their_configurations_say(name: str, tmp_path: Path) -> None:
    (known,) = [model for model in MODEL_SIZES if model.name == name]
    read = read_model_size(folder_of(tmp_path / "model", CONFIGURATIONS[name]), name)
    assert read.parameters == pytest.approx(known.parameters, rel=0.02)
    assert read.cache_bytes_per_token == known.cache_bytes_per_token


def test_weights_that_are_there_count_as_they_are(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "model", CONFIGURATIONS["Qwen/Qwen3-0.6B"])
    (folder / "model.safetensors").write_bytes(bytes(2_000))
    assert read_model_size(folder).parameters == 1_000
    index = {"metadata": {"total_size": 8_000}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert read_model_size(folder).parameters == 4_000


def test_float32_files_are_loaded_in_half_their_size(tmp_path: Path) -> None:
    config = {**CONFIGURATIONS["Qwen/Qwen3-0.6B"], "torch_dtype": "float32"}
    folder = folder_of(tmp_path / "model", config)
    (folder / "model.safetensors").write_bytes(bytes(4_000))
    assert read_model_size(folder).parameters == 1_000


def test_the_language_part_of_a_model_with_pictures(tmp_path: Path) -> None:
    config = {"text_config": CONFIGURATIONS["Qwen/Qwen3-0.6B"], "vision_config": {}}
    assert read_model_size(folder_of(tmp_path / "m", config)).parameters == pytest.approx(
        0.596e9, rel=0.02
    )


def test_all_experts_count(tmp_path: Path) -> None:
    dense = CONFIGURATIONS["Qwen/Qwen3-0.6B"]
    experts = {**dense, "num_experts": 8, "moe_intermediate_size": dense["intermediate_size"]}
    one = read_model_size(folder_of(tmp_path / "one", dense)).parameters
    eight = read_model_size(folder_of(tmp_path / "eight", experts)).parameters
    assert eight - one == 7 * 28 * 3 * 1024 * 3072


def test_a_hub_id_is_looked_up_in_the_cache(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    assert find_model_size("somebody/else") is None
    folder_of(
        tmp_path / "hub/models--somebody--else/snapshots/0a1b", CONFIGURATIONS["Qwen/Qwen3-0.6B"]
    )
    found = find_model_size("somebody/else")
    assert found is not None
    assert found.name == "somebody/else"


def test_a_known_model_needs_no_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    assert find_model_size("Qwen/Qwen3-4B") is not None


def test_something_else_says_what_is_missing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no hidden_size"):
        read_model_size(folder_of(tmp_path / "model", {"model_type": "clip"}))
