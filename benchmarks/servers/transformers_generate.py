from __future__ import annotations

import asyncio
import multiprocessing
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.answer_timing import AnswerTiming
from benchmarks.servers.system import System, SystemFailedError
from benchmarks.workload import Prompt, Workload


class TransformersGenerate(System):
    """transformers' own generate, without a server: batches as large as the number of clients.

    What a program gets that has all prompts at hand and waits for the longest answer of a batch.
    """

    def __init__(self, name: str, model: Path) -> None:
        """Chooses a model.

        Args:
            name: What tables and plots call it.
            model: Folder in transformers' format.
        """
        super().__init__(name)
        self._model = model
        # Not forked: torch's threads do not survive a fork.
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, model), daemon=True)

    async def start(self) -> None:
        """Starts the process and waits until the model is loaded."""
        begin = time.monotonic()
        self._process.start()
        assert self._process.pid
        self.process_id = self._process.pid
        await self._receive()
        self.start_seconds = time.monotonic() - begin

    async def run(self, workload: Workload) -> list[AnswerTiming]:
        """Generates batch after batch."""
        self._connection.send(workload)
        answers: list[AnswerTiming] = await self._receive()
        return answers

    async def stop(self) -> None:
        """Ends the process."""
        if self._process.is_alive():
            self._process.kill()
            await asyncio.to_thread(self._process.join)

    async def _receive(self) -> Any:
        try:
            return await asyncio.to_thread(self._connection.recv)
        except EOFError:
            raise SystemFailedError(f"{self.name} ended; its error is above") from None


def _serve(connection: Connection, folder: Path) -> None:
    """Loads the model, says so, and answers each workload with its timings."""
    import torch  # noqa: PLC0415 -- in the child alone
    from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: PLC0415

    os.setsid()
    tokenizer = AutoTokenizer.from_pretrained(folder, padding_side="left")
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token or tokenizer.decode([0])
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16)
    connection.send("ready")
    while True:
        workload: Workload = connection.recv()
        prompts = workload.prompts
        batches = (
            prompts[start : start + workload.clients]
            for start in range(0, len(prompts), workload.clients)
        )
        connection.send([timing for batch in batches for timing in _run(model, tokenizer, batch)])


def _run(model: Any, tokenizer: Any, batch: tuple[Prompt, ...]) -> list[AnswerTiming]:
    from transformers import StoppingCriteriaList  # noqa: PLC0415 -- in the child alone

    steps: list[float] = []

    def note_step(*_: object, **__: object) -> bool:
        steps.append(time.perf_counter())
        return False

    started = time.perf_counter()
    longest = max(prompt.output_tokens for prompt in batch)
    model.generate(
        **tokenizer([prompt.text for prompt in batch], return_tensors="pt", padding=True),
        do_sample=False,
        min_new_tokens=longest,
        max_new_tokens=longest,
        stopping_criteria=StoppingCriteriaList([note_step]),
    )
    return [
        AnswerTiming(started, steps[: prompt.output_tokens], prompt.output_tokens)
        for prompt in batch
    ]
