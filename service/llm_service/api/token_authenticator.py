from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Iterable
from pathlib import Path

log = logging.getLogger(__name__)

_SCHEME = "bearer "


class TokenAuthenticator:
    """Knows the tokens that callers may bring. Several are valid at once, so that they can rotate.

    The file is read again when it changes. A file that cannot be read, or is empty, leaves the
    tokens as they were: neither does a slip lock everybody out, nor does it let anybody in.
    """

    def __init__(self, path: Path) -> None:
        """Reads the tokens.

        Args:
            path: File with a token a line; blank lines do not count.

        Raises:
            OSError: The file cannot be read.
            ValueError: The file holds no token.
        """
        self._path = path
        self._version = _version(path)
        self._digests = _read(path)

    def accepts(self, authorization: Iterable[str]) -> bool:
        """Whether one of a call's `authorization` values is `Bearer` with a known token."""
        self._reload_if_changed()
        return any(self._knows(value) for value in authorization)

    def _knows(self, value: str) -> bool:
        if not value.lower().startswith(_SCHEME):
            return False
        digest = _digest(value[len(_SCHEME) :].strip())
        # All are compared, and each in constant time: the time tells nothing about any token.
        matches = [hmac.compare_digest(digest, known) for known in self._digests]
        return any(matches)

    def _reload_if_changed(self) -> None:
        try:
            version = _version(self._path)
            if version == self._version:
                return
            self._version = version
            self._digests = _read(self._path)
            log.info("%s: %d tokens", self._path, len(self._digests))
        except (OSError, ValueError) as error:
            log.error("the tokens stay as they were: %s", error)  # noqa: TRY400 -- no trace needed


def _version(path: Path) -> tuple[int, int, int]:
    status = path.stat()
    return status.st_mtime_ns, status.st_size, status.st_ino


def _read(path: Path) -> tuple[bytes, ...]:
    tokens = [line.strip() for line in path.read_text("utf-8").splitlines() if line.strip()]
    if not tokens:
        raise ValueError(f"{path} holds no token: write one a line")
    return tuple(_digest(token) for token in tokens)


def _digest(token: str) -> bytes:
    # Equal lengths, without which compare_digest tells the length.
    return hashlib.sha256(token.encode()).digest()
