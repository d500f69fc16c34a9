"""Answers that another engine began."""

import pytest

from llm_service.engine.errors import InvalidParameterError
from llm_service.engine.generation_request import GenerationRequest
from llm_service.engine.sampling_params import SamplingParams
from tests.service.engine.answers import Answer, submit
from tests.service.engine.conftest import StartEngine
from tests.service.engine.small_models import make_small_model

PROMPT = tuple(range(20, 45))
SAMPLING = SamplingParams(
    max_tokens=24, seed=5, top_k=40, presence_penalty=0.5, repetition_penalty=1.2, ignore_eos=True
)


@pytest.mark.parametrize("name", ["llama", "gemma3", "deepseek_v3"])
def test_an_answer_goes_on_after_any_of_its_tokens(name: str, start_engine: StartEngine) -> None:
    whole = submit(start_engine(make_small_model(name)), PROMPT, SAMPLING).wait()
    engine = start_engine(make_small_model(name))
    answers = []
    for count in range(1, SAMPLING.max_tokens):
        request = GenerationRequest(
            f"after-{count}",
            PROMPT,
            SAMPLING,
            completion_token_ids=tuple(whole.tokens[:count]),
        )
        answers.append(Answer())
        engine.submit(request, answers[-1])
        if count % 4 == 0:  # no more than the batch and the queue hold
            answers[-1].wait()
    for answer in answers:
        answer.wait()
        # The tokens that it brought are told again, one an output.
        assert [output.text for output in answer.outputs] == [o.text for o in whole.outputs]
        assert answer.tokens == whole.tokens
        assert answer.finish_reason == whole.finish_reason
        assert answer.last.completion_tokens == SAMPLING.max_tokens
        assert answer.last.cached_tokens <= answer.last.prompt_tokens == len(PROMPT)


def test_a_whole_answer_is_refused(start_engine: StartEngine) -> None:
    engine = start_engine(make_small_model("llama"))
    whole = submit(engine, PROMPT, SAMPLING).wait()
    request = GenerationRequest("x", PROMPT, SAMPLING, completion_token_ids=tuple(whole.tokens))
    with pytest.raises(InvalidParameterError, match="end the answer at token 24"):
        engine.submit(request, Answer())
    assert engine.stats().waiting == 0
