from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from deployment.errors import UsageError

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
MAX_INLINE_BYTES = 51_200
MAX_S3_BYTES = 1_000_000


@dataclass(frozen=True)
class TemplateSource:
    """The text of a template, and what can be said of it without AWS.

    Attributes:
        origin: Where it came from, for messages: a path or a stack's name.
        text: The template, JSON or YAML.
    """

    origin: str
    text: str

    @classmethod
    def from_file(cls, path: Path) -> TemplateSource:
        """Reads a template of any size.

        Raises:
            UsageError: The file cannot be read, or is larger than CloudFormation takes.
        """
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"cannot read the template: {error}",
                where=str(path),
                remedy="give the path of a CloudFormation template in JSON or YAML, or the name of "
                "one of this repository's stacks",
            ) from error
        source = cls(str(path), text)
        if source.size > MAX_S3_BYTES:
            raise UsageError(
                f"the template has {source.size:,} bytes; CloudFormation takes {MAX_S3_BYTES:,}",
                where=str(path),
                remedy="split it into nested stacks",
            )
        return source

    @property
    def size(self) -> int:
        """Size in bytes: CloudFormation counts bytes, not characters."""
        return len(self.text.encode())

    @property
    def fits_inline(self) -> bool:
        """Whether the template can be sent within the call, without a bucket."""
        return self.size <= MAX_INLINE_BYTES

    @property
    def sha256(self) -> str:
        """SHA-256 of the text, hexadecimal."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @property
    def suffix(self) -> str:
        """File suffix that fits the format."""
        return "json" if self.text.lstrip().startswith("{") else "yaml"

    @cached_property
    def data(self) -> dict[str, Any]:
        """The template as plain data, short YAML tags in their long form.

        Raises:
            UsageError: It is neither JSON nor YAML, or not a mapping with resources.
        """
        data = self._parse()
        if not isinstance(data, dict) or not isinstance(data.get("Resources"), dict):
            raise UsageError(
                "this is not a CloudFormation template: it has no Resources section",
                where=self.origin,
                remedy="give the path of a template in JSON or YAML",
            )
        return data

    def _parse(self) -> Any:
        try:
            if self.suffix == "json":
                return json.loads(self.text)
            # Imported here: 60 ms that a JSON template does not need. It carries no types.
            import cfn_flip  # type: ignore[import-untyped]  # noqa: PLC0415

            return json.loads(cfn_flip.to_json(self.text))
        except Exception as error:  # cfn_flip raises YAML's and its own errors
            raise UsageError(
                f"the template cannot be parsed: {error}",
                where=self.origin,
                remedy="correct it at the place named",
            ) from error
