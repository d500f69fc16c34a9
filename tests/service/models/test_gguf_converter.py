from __future__ import annotations

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from llm_service.models.errors import ModelLoadError
from llm_service.models.gguf_converter import convert_gguf
from tests.doubles.tiny_gguf import make_tiny_qwen2, write_tiny_gguf


def test_the_converted_model_is_the_same_model(tmp_path: Path) -> None:
    model = make_tiny_qwen2()
    write_tiny_gguf(tmp_path / "tiny.gguf", model)
    folder = tmp_path / "converted"
    folder.mkdir()
    convert_gguf(tmp_path / "tiny.gguf", folder)

    converted = AutoModelForCausalLM.from_pretrained(folder, dtype="auto")
    assert type(converted) is type(model)
    assert converted.dtype == torch.bfloat16
    tokens = torch.tensor([[0, 1, 2, 5]])
    with torch.inference_mode():
        torch.testing.assert_close(converted.float()(tokens).logits, model(tokens).logits)
    # The file names </s>; <|im_end|> is in the vocabulary, so a chat model ends its turn with it.
    assert converted.generation_config.eos_token_id == [7, 8]
    assert {path.suffix for path in folder.iterdir()} <= {".json", ".safetensors", ".jinja"}

    tokenizer = AutoTokenizer.from_pretrained(folder)
    assert tokenizer.is_fast
    assert tokenizer.encode("ab c", add_special_tokens=False) == [5, 3, 2]
    assert tokenizer.chat_template == "{{ messages }}"


def test_a_file_without_a_template_gives_a_model_without_one(tmp_path: Path) -> None:
    write_tiny_gguf(tmp_path / "tiny.gguf", make_tiny_qwen2(), chat_template=None)
    folder = tmp_path / "converted"
    folder.mkdir()
    convert_gguf(tmp_path / "tiny.gguf", folder)
    assert not AutoTokenizer.from_pretrained(folder).chat_template


def test_a_file_that_is_none_is_refused(tmp_path: Path) -> None:
    (tmp_path / "broken.gguf").write_bytes(b"not a model at all, but long enough to look into it")
    with pytest.raises(ModelLoadError, match=r"broken\.gguf: transformers cannot read it"):
        convert_gguf(tmp_path / "broken.gguf", tmp_path)
