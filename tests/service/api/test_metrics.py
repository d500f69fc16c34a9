"""What a server writes for CloudWatch after real calls."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from llm.v1 import llm_pb2
from tests.doubles.llm_calls import collect, conversation, sampling
from tests.doubles.llm_server import LlmServer


def written(text: str) -> dict[str, Any]:
    """Sums up the counts of all lines, and collects the times."""
    total: dict[str, Any] = {}
    for line in text.splitlines():
        for name, value in json.loads(line).items():
            if isinstance(value, list):
                total.setdefault(name, []).extend(value)
            elif isinstance(value, (int, float)):
                total[name] = total.get(name, 0) + value
    return total


async def test_calls_become_metrics(
    random_model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with LlmServer(
        random_model, tokenizer, metrics_namespace="LlmService", stack_name="stack"
    ) as server:
        messages, few = conversation("Hi"), sampling(max_tokens=3, ignore_eos=True)
        await server.stub.Chat(llm_pb2.ChatRequest(messages=messages, sampling=few))
        await collect(
            server.stub.ChatStream(llm_pb2.ChatStreamRequest(messages=messages, sampling=few))
        )
        with pytest.raises(grpc.aio.AioRpcError):
            await server.stub.Chat(llm_pb2.ChatRequest())
        await server.stub.GetModelInfo(llm_pb2.GetModelInfoRequest())
    figures = written(capsys.readouterr().out)
    assert (figures["Requests"], figures["RequestErrors"]) == (3, 1)
    # The engine's warm-up generates four tokens of its own.
    assert figures["GeneratedTokens"] == 4 + 2 * 3
    assert len(figures["RequestLatency"]) == 2
    assert len(figures["TimeToFirstToken"]) == 1
    assert 0 < figures["TimeToFirstToken"][0] <= max(figures["RequestLatency"])


async def test_without_a_namespace_nothing_is_written(
    random_model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    capsys: pytest.CaptureFixture[str],
) -> None:
    async with LlmServer(random_model, tokenizer):
        pass
    assert capsys.readouterr().out == ""
