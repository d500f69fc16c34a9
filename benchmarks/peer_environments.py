from __future__ import annotations

from pathlib import Path

# Each peer has a virtual environment of its own here; benchmarks/install-peers makes them.
PEERS = Path(__file__).resolve().parents[1] / ".cache" / "peers"


def peer_program(peer: str, program: str) -> Path:
    """Returns where a peer's program lies, installed or not.

    Args:
        peer: Name of the peer's environment.
        program: File name in its folder of programs.
    """
    return PEERS / peer / "bin" / program


def is_installed(peer: str) -> bool:
    """Says whether install-peers made this peer's environment to the end."""
    return (PEERS / peer / "installed").is_file()
