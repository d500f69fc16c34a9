from __future__ import annotations

from pathlib import Path

from gguf import GGMLQuantizationType

from benchmarks.gguf_variant import write_variant
from benchmarks.peer_environments import is_installed
from benchmarks.servers.llama_cpp_server import LlamaCppServer
from benchmarks.servers.llm_service import LlmService
from benchmarks.servers.system import System
from benchmarks.servers.transformers_generate import TransformersGenerate
from benchmarks.servers.transformers_serve import TransformersServe
from llm_service.models.gguf_parts import GgufParts

OURS = "llm-service"
_PEERS = {"transformers": "transformers serve", "llama-cpp": "llama.cpp server"}
_PACKAGE_PREFIX = "pypi:"


def find_systems(name: str, model: Path, log_folder: Path, gguf_folder: Path) -> list[System]:
    """Returns what can be measured here, ours first. Nothing is started.

    Args:
        name: The model as MODEL_NAME says it; llama.cpp needs one that comes as a GGUF file.
        model: Its folder in transformers' format.
        log_folder: Where the systems' output is kept.
        gguf_folder: Where GGUF files are kept for the next run.
    """
    systems: list[System] = [
        LlmService(OURS, model, log_folder, DTYPE="bfloat16"),
        TransformersGenerate("transformers generate", model),
    ]
    if is_installed("transformers"):
        systems.append(TransformersServe("transformers serve", model, log_folder))
    if is_installed("llama-cpp") and name.startswith(_PACKAGE_PREFIX):
        parts = GgufParts.from_package(name.removeprefix(_PACKAGE_PREFIX))
        for kind in (GGMLQuantizationType.BF16, GGMLQuantizationType.Q8_0):
            file = _variant(parts, gguf_folder, kind)
            systems.append(LlamaCppServer(f"llama.cpp {kind.name.lower()}", file, log_folder))
    return systems


def missing_peers() -> list[str]:
    """Returns the names of the peers that install-peers would bring."""
    return [title for peer, title in _PEERS.items() if not is_installed(peer)]


def _variant(parts: GgufParts, folder: Path, kind: GGMLQuantizationType) -> Path:
    target = folder / f"{Path(parts.name).stem}.{kind.name.lower()}.gguf"
    if not target.exists():
        folder.mkdir(parents=True, exist_ok=True)
        write_variant(parts.assemble(folder), target, kind)
    return target
