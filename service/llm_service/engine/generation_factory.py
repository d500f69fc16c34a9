import secrets
from collections.abc import Callable

from transformers import PreTrainedTokenizerBase

from llm_service.engine.errors import InvalidParameterError, PromptTooLongError
from llm_service.engine.generation import Generation
from llm_service.engine.generation_output import GenerationOutput
from llm_service.engine.generation_request import GenerationRequest
from llm_service.engine.output_text import OutputText
from llm_service.engine.sampling_state import SamplingState


class GenerationFactory:
    """Checks requests against the model and makes generations of them.

    Attributes:
        context_length: The most tokens that prompt and answer may have together.
        vocabulary_size: Number of token ids that the model knows.
    """

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerBase,
        *,
        end_token_ids: frozenset[int],
        context_length: int,
        vocabulary_size: int,
    ) -> None:
        """Starts.

        Args:
            tokenizer: The model's tokenizer.
            end_token_ids: The tokens that end the model's turn.
            context_length: The most tokens that prompt and answer may have together.
            vocabulary_size: Number of token ids that the model knows.
        """
        self.context_length = context_length
        self.vocabulary_size = vocabulary_size
        self._tokenizer = tokenizer
        self._end_token_ids = end_token_ids

    def make(
        self, request: GenerationRequest, on_output: Callable[[GenerationOutput], None]
    ) -> Generation:
        """Makes a request's generation.

        Args:
            request: The request.
            on_output: Receives its outputs.

        Raises:
            InvalidParameterError: The prompt is empty, a token id is outside the vocabulary, or
                the tokens that the request brings are a whole answer.
            PromptTooLongError: Prompt and max_tokens together exceed the context.
        """
        self._check(request)
        sampling = request.sampling
        ends = sampling.stop_token_ids
        if not sampling.ignore_eos:
            ends |= self._end_token_ids
        seed = secrets.randbits(64) if sampling.seed is None else sampling.seed
        generation = Generation(
            request,
            on_output,
            SamplingState(sampling, seed, request.prompt_token_ids, ends),
            OutputText(self._tokenizer, sampling.stop),
        )
        generation.replay()
        return generation

    def _check(self, request: GenerationRequest) -> None:
        prompt, sampling = request.prompt_token_ids, request.sampling
        if not prompt:
            raise InvalidParameterError("prompt", "", "must have at least one token")
        if len(prompt) + sampling.max_tokens > self.context_length:
            raise PromptTooLongError(len(prompt), sampling.max_tokens, self.context_length)
        self._check_token("prompt_token_ids", min(prompt))
        self._check_token("prompt_token_ids", max(prompt))
        for token in request.completion_token_ids:
            self._check_token("completion_token_ids", token)
        for token in sampling.logit_bias:
            self._check_token("logit_bias", token)
        for token in sampling.stop_token_ids:
            self._check_token("stop_token_ids", token)

    def _check_token(self, field: str, token: int) -> None:
        if not 0 <= token < self.vocabulary_size:
            raise InvalidParameterError(
                field, token, f"token ids must be 0 to {self.vocabulary_size - 1}"
            )
