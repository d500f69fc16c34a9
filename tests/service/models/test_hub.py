from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from tests.doubles.model_hub import ModelHub
from tests.doubles.server_process import PATIENCE_SECONDS, ROOT
from tests.doubles.tiny_gguf import make_tiny_qwen2, write_tiny_gguf

# A process of its own: the hub's client reads its settings when it is imported.
PROGRAM = """
import sys
from pathlib import Path
from llm_service.models.errors import ModelLoadError
from llm_service.models.model_files import find_model
for name in sys.argv[2:]:
    try:
        print(find_model(name, None, Path(sys.argv[1])))
    except ModelLoadError as error:
        print(error)
"""


@pytest.fixture
def hub(
    tmp_path: Path, random_model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> Iterator[ModelHub]:
    """A hub with one good model and two that cannot be had."""
    folder = tmp_path / "hub" / "tiny"
    random_model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    (folder / "pytorch_model.bin").write_bytes(b"a pickle")
    (folder / "modeling.py").write_text("raise SystemExit")
    (folder / "onnx").mkdir()
    (folder / "onnx" / "model.json").write_text("{}")
    write_tiny_gguf(folder / "tiny.gguf", make_tiny_qwen2())
    with ModelHub({"acme/tiny": folder}, {"acme/gated": (403, "GatedRepo")}) as running:
        yield running


def find(*names: str, hub: ModelHub, tmp_path: Path, offline: bool = False) -> list[str]:
    """Looks models up as the server does; returns the folder of each, or else the error."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "converted"), *names],
        env={
            **os.environ,
            "PYTHONPATH": str(ROOT / "service"),
            "HF_ENDPOINT": hub.url,
            "HF_HOME": str(tmp_path / "home"),
            "HF_HUB_OFFLINE": "1" if offline else "0",
            "HF_HUB_DISABLE_XET": "1",
            "TQDM_DISABLE": "1",  # as the server does where nobody watches
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=True,
    )
    assert not ended.stderr
    return ended.stdout.splitlines()


def test_a_model_is_fetched_once_and_only_what_is_needed(hub: ModelHub, tmp_path: Path) -> None:
    (folder,) = find("acme/tiny", hub=hub, tmp_path=tmp_path)
    names = {path.name for path in Path(folder).iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json"} <= names
    assert not names & {"pytorch_model.bin", "modeling.py", "onnx", "tiny.gguf"}
    assert sorted(hub.fetched) == sorted(names)
    # Without the hub, what was fetched is enough.
    assert find("acme/tiny", hub=hub, tmp_path=tmp_path, offline=True) == [folder]


def test_one_file_is_converted_and_what_cannot_be_had_says_what_to_do(
    hub: ModelHub, tmp_path: Path
) -> None:
    folder, gated, missing = find(
        "acme/tiny/tiny.gguf", "acme/gated", "acme/none", hub=hub, tmp_path=tmp_path
    )
    assert hub.fetched == ["tiny.gguf"]
    assert (Path(folder) / "model.safetensors").is_file()
    assert gated == (
        "MODEL_NAME=acme/gated: the hub asks for an account; accept the model's terms there and "
        "set HF_TOKEN"
    )
    assert missing.startswith("MODEL_NAME=acme/none: the hub has no such model, or it is private")
