from __future__ import annotations

import asyncio

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from llm.v1 import llm_pb2
from tests.doubles.llm_calls import collect, conversation, joined, joined_text, sampling
from tests.doubles.llm_server import LlmServer
from tests.doubles.tiny_model import make_random_model, make_scripted_model
from tests.doubles.tiny_tokenizer import (
    CHAT_TEMPLATE,
    THINKING_CHAT_TEMPLATE,
    make_tiny_tokenizer,
)

STOP = llm_pb2.FINISH_REASON_STOP
LENGTH = llm_pb2.FINISH_REASON_LENGTH


def scripted_server(
    *script: str, chat_template: str | None = CHAT_TEMPLATE, **settings: object
) -> LlmServer:
    """A server whose model answers every chat with a script; the words are tokens of their own."""
    words = [text for text in script if text not in ("<think>", "</think>") and len(text) > 1]
    tokenizer = make_tiny_tokenizer([w for w in words if w.isascii()], chat_template)
    start = "\n" if chat_template == THINKING_CHAT_TEMPLATE else "<|assistant|>"
    return LlmServer(make_scripted_model(tokenizer, {start: script}), tokenizer, **settings)


async def both_answers(server: LlmServer, **fields: object) -> llm_pb2.ChatResponse:
    """Asks unary and streaming, which must agree in all but the id."""
    request = {"messages": conversation("Hi"), "sampling": sampling(**fields)}
    unary = await server.stub.Chat(llm_pb2.ChatRequest(**request))
    stream = joined(await collect(server.stub.ChatStream(llm_pb2.ChatStreamRequest(**request))))
    stream.request_id = unary.request_id
    stream.usage.cached_tokens = unary.usage.cached_tokens
    assert stream == unary
    return unary


async def test_chat_answers_what_the_model_says() -> None:
    async with scripted_server("Good", " day", "!") as server:
        answer = await both_answers(server)
    assert answer.message == llm_pb2.Message(role=llm_pb2.ROLE_ASSISTANT, content="Good day!")
    assert answer.finish_reason == STOP
    assert answer.matched_stop == ""
    # <bos><|user|>Hi<|assistant|>, and the end of the turn is a token too.
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (5, 4)
    assert answer.usage.reasoning_tokens == 0


async def read_step_by_step(server: LlmServer, steps: list[int]) -> list[str]:
    """The pieces of a chat stream that come after so many steps of the model each."""
    request = llm_pb2.ChatStreamRequest(messages=conversation("Hi"), sampling=sampling())
    server.brake.pull()
    stream = server.stub.ChatStream(request)
    pieces = []
    for count in steps:
        server.brake.let_pass(count)
        pieces.append((await stream.read()).content_delta)
    server.brake.release()
    await collect(stream)
    return pieces


async def test_a_stream_of_chat_comes_in_pieces() -> None:
    async with scripted_server("one", " two", " three") as server:
        pieces = await read_step_by_step(server, [1, 1, 1])
    assert pieces == ["one", " two", " three"]


async def test_a_character_over_several_tokens_comes_whole() -> None:
    async with scripted_server("so ", "😀", " 한", "!") as server:
        pieces = await read_step_by_step(server, [1, 4, 1, 3, 1])
        answer = await both_answers(server)
    assert answer.message.content == "so 😀 한!"
    assert pieces == ["so ", "😀", " ", "한", "!"]


async def test_a_stop_string_over_several_tokens_ends_the_answer() -> None:
    async with scripted_server("keep", " EN", "D", " more") as server:
        answer = await both_answers(server, stop=[" END"])
    assert answer.message.content == "keep"
    assert answer.matched_stop == " END"
    assert answer.finish_reason == STOP


async def test_what_only_looks_like_a_stop_string_is_not_lost() -> None:
    async with scripted_server("keep", " EN", "D", " more") as server:
        answer = await both_answers(server, stop=[" ENDED"])
    assert answer.message.content == "keep END more"
    assert answer.matched_stop == ""


async def test_reasoning_is_apart_from_the_answer() -> None:
    async with scripted_server("<think>", "hm", " so", "</think>", "Yes", "!") as server:
        answer = await both_answers(server)
    assert (answer.message.reasoning, answer.message.content) == ("hm so", "Yes!")
    assert answer.usage.reasoning_tokens == 4  # both tags count
    assert answer.usage.completion_tokens == 7


async def test_a_template_that_opens_the_reasoning_needs_no_start_tag() -> None:
    async with scripted_server(
        "hm", " so", "</think>", "Yes", chat_template=THINKING_CHAT_TEMPLATE
    ) as server:
        answer = await both_answers(server)
    assert (answer.message.reasoning, answer.message.content) == ("hm so", "Yes")
    assert answer.usage.reasoning_tokens == 3


async def test_an_answer_cut_in_its_reasoning_has_no_content() -> None:
    async with scripted_server("<think>", "hm", " so", "</think>", "Yes") as server:
        answer = await both_answers(server, max_tokens=2)
    assert (answer.message.reasoning, answer.message.content) == ("hm", "")
    assert answer.finish_reason == LENGTH


async def test_generate_leaves_tags_in_the_text() -> None:
    tokenizer = make_tiny_tokenizer(["hm"])
    model = make_scripted_model(tokenizer, {"A": ("<think>", "hm", "</think>", "B")})
    async with LlmServer(model, tokenizer) as server:
        answer = await server.stub.Generate(
            llm_pb2.GenerateRequest(prompt="A", sampling=sampling())
        )
    assert answer.text == "<think>hm</think>B"
    assert answer.usage.reasoning_tokens == 0


@pytest.mark.parametrize("seed", range(3))
async def test_streamed_and_unary_generation_agree_on_random_text(
    tokenizer: PreTrainedTokenizerFast, seed: int
) -> None:
    # Random bytes: broken characters, control characters, everything.
    model = make_random_model(tokenizer, seed)
    fields = {"seed": 7, "temperature": 1.5, "max_tokens": 60, "stop": ["e", "\n"]}
    async with LlmServer(model, tokenizer) as server:
        request = {"prompt": "Once upon", "sampling": sampling(**fields)}
        unary = await server.stub.Generate(llm_pb2.GenerateRequest(**request))
        pieces = await collect(server.stub.GenerateStream(llm_pb2.GenerateStreamRequest(**request)))
    stream = joined_text(pieces)
    stream.request_id = unary.request_id
    stream.usage.cached_tokens = unary.usage.cached_tokens
    assert stream == unary


async def test_greedy_generation_is_the_models_own(
    tokenizer: PreTrainedTokenizerFast, random_model: LlamaForCausalLM
) -> None:
    prompt = tokenizer("Once upon", return_tensors="pt").input_ids
    with torch.inference_mode():
        expected = random_model.generate(prompt, max_new_tokens=20, do_sample=False, pad_token_id=0)
    text = tokenizer.decode(expected[0, prompt.shape[1] :], skip_special_tokens=True)
    async with LlmServer(random_model, tokenizer) as server:
        answer = await server.stub.Generate(
            llm_pb2.GenerateRequest(prompt="Once upon", sampling=sampling(max_tokens=20))
        )
    assert answer.text == text
    assert answer.usage.prompt_tokens == prompt.shape[1]


async def test_one_token_is_one_token() -> None:
    async with scripted_server("one", " two") as server:
        answer = await both_answers(server, max_tokens=1)
    assert answer.message.content == "one"
    assert answer.finish_reason == LENGTH
    assert answer.usage.completion_tokens == 1


async def test_without_max_tokens_the_servers_limit_holds() -> None:
    tokenizer = make_tiny_tokenizer()
    model = make_scripted_model(tokenizer, {"A": ("A",)})
    async with LlmServer(model, tokenizer, max_tokens_limit=10) as server:
        answer = await server.stub.Generate(llm_pb2.GenerateRequest(prompt="A"))
    assert answer.text == "A" * 10
    assert answer.finish_reason == LENGTH


async def test_without_max_tokens_the_context_holds() -> None:
    tokenizer = make_tiny_tokenizer()
    model = make_scripted_model(tokenizer, {"A": ("A",)})
    async with LlmServer(model, tokenizer, max_context_length=16) as server:
        answer = await server.stub.Generate(llm_pb2.GenerateRequest(prompt="AAAA"))
    assert answer.text == "A" * 11  # <bos> and four of the prompt
    assert answer.finish_reason == LENGTH


async def test_the_models_recommended_sampling_is_the_default(
    tokenizer: PreTrainedTokenizerFast, random_model: LlamaForCausalLM
) -> None:
    random_model.generation_config.top_k = 1
    async with LlmServer(random_model, tokenizer) as server:
        answers = [
            await server.stub.Generate(
                llm_pb2.GenerateRequest(prompt="A", sampling={"max_tokens": 20, "seed": seed})
            )
            for seed in (1, 2)
        ]
        other = await server.stub.Generate(
            llm_pb2.GenerateRequest(
                prompt="A", sampling={"max_tokens": 20, "seed": 2, "top_k": 0, "temperature": 2}
            )
        )
    assert answers[0].text == answers[1].text != other.text


async def test_a_logit_bias_forces_a_token(
    tokenizer: PreTrainedTokenizerFast, random_model: LlamaForCausalLM
) -> None:
    token = tokenizer.encode("Z", add_special_tokens=False)[0]
    request = llm_pb2.GenerateRequest(
        prompt="A", sampling=sampling(max_tokens=3, logit_bias={token: 100})
    )
    async with LlmServer(random_model, tokenizer) as server:
        answer = await server.stub.Generate(request)
    assert answer.text == "ZZZ"


async def test_min_tokens_and_ignore_eos_go_past_the_end_of_the_turn() -> None:
    async with scripted_server("one") as server:
        assert (await both_answers(server, min_tokens=5)).usage.completion_tokens >= 5
        answer = await both_answers(server, ignore_eos=True, max_tokens=9)
    assert answer.usage.completion_tokens == 9
    assert answer.finish_reason == LENGTH


async def test_requests_run_in_one_batch(tokenizer: PreTrainedTokenizerFast) -> None:
    async with LlmServer(make_random_model(tokenizer), tokenizer) as server:
        requests = [
            llm_pb2.GenerateRequest(
                prompt=prompt, sampling=sampling(seed=i, temperature=1, max_tokens=40)
            )
            for i, prompt in enumerate(["a", "some longer prompt", "bb", "cc dd"])
        ]
        alone = [(await server.stub.Generate(request)).text for request in requests]
        steps_before = server.engine.stats().step_count
        together = await asyncio.gather(*map(server.stub.Generate, requests))
        steps = server.engine.stats().step_count - steps_before
    assert [answer.text for answer in together] == alone
    # One after another would take 160 steps.
    assert steps < 100
