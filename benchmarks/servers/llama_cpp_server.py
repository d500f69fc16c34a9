from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

from benchmarks.peer_environments import peer_program
from benchmarks.servers.openai_server import OpenAiServer

CONTEXT_LENGTH = 4096


class LlamaCppServer(OpenAiServer):
    """llama.cpp behind llama-cpp-python's server, which answers one request after another."""

    def command(self) -> Sequence[str]:
        """Returns what starts it; a new request must not break off the one that runs."""
        threads = str(os.cpu_count())
        return [
            str(peer_program("llama-cpp", "python")),
            *("-m", "llama_cpp.server", "--model", str(self.model)),
            *("--host", "127.0.0.1", "--port", str(self.port)),
            *("--n_ctx", str(CONTEXT_LENGTH), "--interrupt_requests", "false"),
            *("--n_threads", threads, "--n_threads_batch", threads),
        ]

    def forced_length(self, tokens: int) -> dict[str, Any]:
        """Forbids the ends of a text and of a turn, as Gemma 3 numbers them."""
        return {"max_tokens": tokens, "logit_bias": {"1": -100, "106": -100}}
