from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from llm_service.kernels.errors import KernelUnavailableError
from llm_service.models import device_choice
from llm_service.models.device_choice import choose_dtype, count_parameters, cpu_has_bfloat16
from llm_service.models.errors import ModelLoadError
from llm_service.models.loaded_model import LoadedModel
from llm_service.models.model_loader import load_model
from tests.doubles.tiny_gguf import make_tiny_qwen2, write_tiny_gguf

CPU = torch.device("cpu")


@pytest.fixture
def folder(
    tmp_path: Path, random_model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast
) -> Path:
    """A model's folder as transformers writes it."""
    random_model.save_pretrained(tmp_path / "model")
    tokenizer.save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def load(name: Path | str, tmp_path: Path, **changes: str) -> LoadedModel:
    chosen = {"device": "cpu", "dtype": "float32", **changes}
    return load_model(str(name), revision=None, cache_dir=tmp_path / "cache", **chosen)


def test_a_folder_is_loaded(folder: Path, tmp_path: Path, random_model: LlamaForCausalLM) -> None:
    loaded = load(folder, tmp_path)
    tokens = torch.tensor([[1, 2, 3]])
    with torch.inference_mode():
        torch.testing.assert_close(loaded.model(tokens).logits, random_model(tokens).logits)
    assert (loaded.architecture, loaded.dtype, str(loaded.device)) == (
        "LlamaForCausalLM",
        "float32",
        "cpu",
    )
    assert loaded.parameter_count == random_model.num_parameters() == count_parameters(folder)
    assert loaded.tokenizer.encode("Hi")[0] == loaded.tokenizer.bos_token_id


def test_the_dtype_is_a_setting(folder: Path, tmp_path: Path) -> None:
    assert load(folder, tmp_path, dtype="bfloat16").model.dtype == torch.bfloat16


def test_the_authors_recommendations_are_read(folder: Path, tmp_path: Path) -> None:
    (folder / "generation_config.json").write_text(
        '{"do_sample": true, "temperature": 0.6, "top_p": 0.95, "eos_token_id": [1, 2]}'
    )
    loaded = load(folder, tmp_path)
    assert loaded.generation_defaults() == {"temperature": 0.6, "top_p": 0.95}


def test_a_gguf_file_is_converted_once(tmp_path: Path) -> None:
    file = tmp_path / "gguf" / "tiny.gguf"
    file.parent.mkdir()
    write_tiny_gguf(file, make_tiny_qwen2())
    assert load(file, tmp_path).architecture == "Qwen2ForCausalLM"
    (kept,) = (path for path in (tmp_path / "cache").iterdir() if path.is_dir())
    before = (kept / "model.safetensors").stat().st_mtime_ns
    # A folder that holds nothing but the file names the same model.
    assert load(file.parent, tmp_path).architecture == "Qwen2ForCausalLM"
    assert (kept / "model.safetensors").stat().st_mtime_ns == before


def test_another_file_of_the_same_name_is_another_model(tmp_path: Path) -> None:
    model = make_tiny_qwen2()
    write_tiny_gguf(tmp_path / "tiny.gguf", model)
    load(tmp_path / "tiny.gguf", tmp_path)
    with torch.no_grad():
        model.lm_head.weight.zero_()
    write_tiny_gguf(tmp_path / "tiny.gguf", model)
    assert load(tmp_path / "tiny.gguf", tmp_path).model.lm_head.weight.count_nonzero() == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("/no/such/folder", "no such folder"),
        ("./neither", "no such folder"),
        ("neither", "no such folder"),
        ("pypi:no-such-package", "pip install no-such-package"),
        # HF_HUB_OFFLINE is set in tests.
        ("nobody/nothing", "cannot be fetched from the hub"),
    ],
)
def test_a_model_that_is_not_there_is_named(name: str, text: str, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match=text) as caught:
        load(name, tmp_path)
    assert f"MODEL_NAME={name}" in str(caught.value)


def test_a_folder_without_a_model_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelLoadError, match=r"no config\.json and no GGUF files"):
        load(tmp_path / "empty", tmp_path)


def test_weights_in_a_pickle_are_refused(folder: Path, tmp_path: Path) -> None:
    torch.save({}, folder / "pytorch_model.bin")
    (folder / "model.safetensors").unlink()
    with pytest.raises(ModelLoadError, match="transformers cannot load"):
        load(folder, tmp_path)


def test_a_models_own_code_does_not_run(folder: Path, tmp_path: Path) -> None:
    (folder / "config.json").write_text(
        '{"model_type": "mine", "auto_map": {"AutoConfig": "mine.Config"}}'
    )
    (folder / "mine.py").write_text("raise SystemExit('ran')")
    with pytest.raises(ModelLoadError, match="transformers cannot load"):
        load(folder, tmp_path)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_cuda_without_a_gpu_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ModelLoadError, match="DEVICE=cuda: torch finds no GPU"):
        load(folder, tmp_path, device="cuda")


@pytest.mark.parametrize(
    ("cpu_info", "has_bfloat16"),
    [
        ("processor\t: 0\nflags\t\t: fpu avx512_bf16 amx_tile\n", True),
        ("flags\t\t: fpu amx_bf16\n", True),
        ("flags\t\t: fpu avx2 avx512f\n", False),
        ("Features\t: fp asimd bf16\n", True),
        ("Features\t: fp asimd\n", False),
        ("", False),
    ],
)
def test_what_the_cpu_can_do(tmp_path: Path, cpu_info: str, has_bfloat16: bool) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text(cpu_info)
    assert cpu_has_bfloat16(file) is has_bfloat16
    assert not cpu_has_bfloat16(tmp_path / "none")


def test_auto_on_a_cpu_with_bfloat16(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(device_choice, "cpu_has_bfloat16", lambda: True)
    assert choose_dtype("auto", CPU, folder) is torch.bfloat16


def no_kernels() -> None:
    raise KernelUnavailableError("not built")


@pytest.mark.parametrize(
    ("architecture", "expected"),
    [("LlamaForCausalLM", torch.bfloat16), ("MambaForCausalLM", torch.float32)],
)
def test_auto_on_another_cpu_is_bfloat16_for_what_the_kernels_run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, architecture: str, expected: torch.dtype
) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "architectures": [architecture]}))
    monkeypatch.setattr(device_choice, "cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(device_choice, "best_kernel_library", lambda: None)
    assert choose_dtype("auto", CPU, folder) is expected


@pytest.mark.parametrize(
    ("memory_per_parameter", "expected"), [(7, torch.float32), (5, torch.bfloat16)]
)
def test_auto_on_another_cpu_depends_on_the_memory(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    memory_per_parameter: int,
    expected: torch.dtype,
) -> None:
    memory = memory_per_parameter * count_parameters(folder)
    monkeypatch.setattr(device_choice, "cpu_has_bfloat16", lambda: False)
    monkeypatch.setattr(device_choice, "best_kernel_library", no_kernels)
    monkeypatch.setattr(device_choice, "free_memory_bytes", lambda device: memory)
    assert choose_dtype("auto", CPU, folder) is expected
