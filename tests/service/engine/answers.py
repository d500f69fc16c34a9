import threading
from collections.abc import Iterable

from llm_service.engine.engine import Engine
from llm_service.engine.finish_reason import FinishReason
from llm_service.engine.generation_output import GenerationOutput
from llm_service.engine.generation_request import GenerationRequest
from llm_service.engine.sampling_params import SamplingParams

# Far longer than any wait that succeeds.
PATIENCE_SECONDS = 60


class Answer:
    """Collects one request's outputs."""

    def __init__(self) -> None:
        self.outputs: list[GenerationOutput] = []
        self._ended = threading.Event()
        self._grew = threading.Condition()

    def __call__(self, output: GenerationOutput) -> None:
        with self._grew:
            self.outputs.append(output)
            self._grew.notify_all()
        if output.is_final:
            self._ended.set()

    def wait(self) -> "Answer":
        assert self._ended.wait(PATIENCE_SECONDS), "the request did not end"
        return self

    def wait_for_tokens(self, count: int) -> "Answer":
        with self._grew:
            assert self._grew.wait_for(lambda: len(self.tokens) >= count, PATIENCE_SECONDS)
        return self

    @property
    def has_ended(self) -> bool:
        return self._ended.is_set()

    @property
    def last(self) -> GenerationOutput:
        return self.outputs[-1]

    @property
    def finish_reason(self) -> FinishReason | None:
        return self.last.finish_reason

    @property
    def text(self) -> str:
        return "".join(output.text for output in self.outputs)

    @property
    def tokens(self) -> list[int]:
        return [token for output in self.outputs for token in output.token_ids]


_next_id = iter(range(10**9))


def submit(
    engine: Engine,
    prompt: Iterable[int],
    sampling: SamplingParams,
    *,
    deadline: float | None = None,
    request_id: str | None = None,
) -> Answer:
    """Submits a request and collects its outputs."""
    answer = Answer()
    name = request_id or f"request-{next(_next_id)}"
    engine.submit(GenerationRequest(name, tuple(prompt), sampling, deadline), answer)
    return answer
