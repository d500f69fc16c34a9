from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from deployment.lint_report import LintReport

# Everything of ours that decides what is found.
_OWN_CODE = ("linter.py", "lint_finding.py", "rules/*.py")
# Templates in which cfn-lint reads files beside them: their findings are never kept.
_READS_OTHER_FILES = (
    "AWS::CloudFormation::Stack",
    "AWS::Serverless",
    "AWS::Include",
    "Fn::Transform",
)


class LintCache:
    """Keeps lint results by everything that decides them: loading cfn-lint takes a second.

    A result that cannot be read or written is no error: linting anew gives the same.

    Args:
        folder: Where results are kept.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    @classmethod
    def of_user(cls) -> LintCache:
        """Returns the user's cache, outside any repository."""
        base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
        return cls(Path(base) / "llm-service-templates" / "lint")

    def key(
        self, templates: Sequence[Path], regions: Sequence[str], config_file: Path | None, form: str
    ) -> str | None:
        """Returns a key for a result; None where results must not be kept.

        Args:
            templates: The files, in the order of the report.
            regions: Regions that they are validated for.
            config_file: A .cfnlintrc that is honoured.
            form: Form of the report's document.
        """
        try:
            contents = [path.read_bytes() for path in templates]
            configuration = config_file.read_bytes() if config_file else b""
        except OSError:
            return None
        if any(mark.encode() in content for content in contents for mark in _READS_OTHER_FILES):
            return None
        parts = [
            version("cfn-lint"),
            _own_code(),
            sorted(regions),
            _digest(configuration),
            form,
            # Reports name the files, so the same content elsewhere is another result.
            [(str(path), _digest(text)) for path, text in zip(templates, contents, strict=True)],
        ]
        return _digest(json.dumps(parts).encode())

    def load(self, key: str) -> LintReport | None:
        """Returns a kept result, or None."""
        try:
            return LintReport.from_dict(json.loads(self._path(key).read_text(encoding="utf-8")))
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def store(self, key: str, report: LintReport) -> None:
        """Keeps a result."""
        path = self._path(key)
        unfinished = path.with_suffix(f".{os.getpid()}")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            unfinished.write_text(json.dumps(report.to_dict()), encoding="utf-8")
            # Another process may read at this moment: it sees all of it or nothing.
            unfinished.replace(path)
        except OSError:
            with contextlib.suppress(OSError):
                unfinished.unlink()

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.json"


def _own_code() -> str:
    folder = Path(__file__).parent
    files = sorted(path for pattern in _OWN_CODE for path in folder.glob(pattern))
    return _digest(b"\0".join(path.read_bytes() for path in files))


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
