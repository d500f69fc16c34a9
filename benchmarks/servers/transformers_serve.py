from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from benchmarks.peer_environments import peer_program
from benchmarks.servers.openai_server import OpenAiServer


class TransformersServe(OpenAiServer):
    """`transformers serve` with continuous batching."""

    def command(self) -> Sequence[str]:
        """Returns what starts it; without limits its batches and cache take half of all memory."""
        return [
            str(peer_program("transformers", "python")),
            *("-m", "transformers.cli.transformers", "serve", str(self.model)),
            *("--continuous-batching", "--dtype", "bfloat16", "--device", "cpu"),
            *("--cb-block-size", "32", "--cb-num-blocks", "2048", "--cb-max-batch-tokens", "512"),
            *("--host", "127.0.0.1", "--port", str(self.port)),
        ]

    def forced_length(self, tokens: int) -> dict[str, Any]:
        """Names an end-of-text token that does not exist."""
        config = {"max_new_tokens": tokens, "eos_token_id": -1, "do_sample": False}
        return {"max_tokens": tokens, "generation_config": json.dumps(config)}
