from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from llm_service.client.client_error import ClientError


@dataclass(frozen=True)
class ClientCredentials:
    """What a client shows and checks when it calls.

    Attributes:
        token: Bearer token; empty sends none.
        tls_roots: Certificates, PEM, that the server's must be signed by; None speaks plain text.
        tls_name: Name in the server's certificate where it is not the address.
    """

    token: str = ""
    tls_roots: bytes | None = None
    tls_name: str = ""

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] = os.environ) -> ClientCredentials:
        """Reads LLM_TOKEN_FILE, LLM_TLS_CA_FILE and LLM_TLS_NAME; what is not set is not used.

        Raises:
            ClientError: A file that is named cannot be read.
        """
        token, roots = (_read(environment, name) for name in ("LLM_TOKEN_FILE", "LLM_TLS_CA_FILE"))
        return cls(
            # A file of several tokens, as the server has it, serves with its first.
            token=token.decode().split()[0] if token and token.strip() else "",
            tls_roots=roots,
            tls_name=environment.get("LLM_TLS_NAME", ""),
        )

    @property
    def metadata(self) -> tuple[tuple[str, str], ...]:
        """What goes with each call."""
        return (("authorization", f"Bearer {self.token}"),) if self.token else ()


def _read(environment: Mapping[str, str], name: str) -> bytes | None:
    path = environment.get(name)
    if not path:
        return None
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ClientError(f"{name}={path}: {error.strerror}; name a readable file") from error
