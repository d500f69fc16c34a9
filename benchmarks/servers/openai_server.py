from __future__ import annotations

import json
import time
from abc import abstractmethod
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2

from benchmarks.answer_timing import AnswerTiming
from benchmarks.servers.server import Server
from benchmarks.workload import Prompt


class OpenAiServer(Server):
    """A peer that speaks OpenAI's text completions over HTTP."""

    def __init__(self, name: str, model: Path, log_folder: Path) -> None:
        """Chooses a model.

        Args:
            name: What tables and plots call it.
            model: The file or folder that the peer loads.
            log_folder: Where its output is kept.
        """
        super().__init__(name, log_folder)
        self.model = model
        self._http = httpx2.AsyncClient(
            base_url=f"http://127.0.0.1:{self.port}", timeout=httpx2.Timeout(600)
        )

    @abstractmethod
    def forced_length(self, tokens: int) -> dict[str, Any]:
        """Returns the request's fields that make the answer exactly `tokens` long."""

    async def is_ready(self) -> bool:
        """Says whether it lists its models."""
        try:
            return bool((await self._http.get("/v1/models", timeout=2)).status_code == 200)
        except httpx2.HTTPError:
            return False

    async def answer(self, prompt: Prompt) -> AnswerTiming:
        """Streams a continuation of exactly the wanted length.

        A peer that sends no usage sends one piece a token, or we count the tokens asked for.
        """
        body = {
            "model": str(self.model),
            "prompt": prompt.text,
            "temperature": 0,
            "stream": True,
            **self.forced_length(prompt.output_tokens),
        }
        timing = AnswerTiming(started=time.perf_counter())
        async for event in self._events(body):
            if event.get("usage"):
                timing.tokens = event["usage"]["completion_tokens"]
            if any(choice.get("text") for choice in event.get("choices", ())):
                timing.pieces.append(time.perf_counter())
        timing.tokens = timing.tokens or len(timing.pieces)
        return timing

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def _events(self, body: dict[str, Any]) -> AsyncIterator[dict[str, Any]]:
        async with self._http.stream("POST", "/v1/completions", json=body) as response:
            if response.status_code != 200:
                text = (await response.aread()).decode(errors="replace")
                raise RuntimeError(f"{self.name}: {response.status_code} {text[:500]}")
            async for line in response.aiter_lines():
                if line.startswith("data:") and line != "data: [DONE]":
                    yield json.loads(line.removeprefix("data:"))
