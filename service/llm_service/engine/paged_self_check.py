from collections.abc import Sequence as SequenceOf

import torch
from transformers import DynamicCache, PreTrainedModel

from llm_service.engine.errors import UnsupportedModelError
from llm_service.engine.forward import forward
from llm_service.engine.model_runner import ModelRunner
from llm_service.engine.scheduled_chunk import ScheduledChunk
from llm_service.engine.sequence import Sequence

# Lengths of the two texts, and where the first one is cut into chunks.
_LONG, _SHORT, _CUT = 25, 7, 9


class PagedSelfCheck:
    """Tells whether a runner computes what the model computes with its own attention and cache.

    Two short texts go through the runner as requests do: the first part of the long one, its
    second part together with the short one, then the last token of both. It costs a few short
    forwards and finds models whose attention does more than the runner knows of.
    """

    # Enough for both texts.
    BLOCK_SIZE = 8
    NUM_BLOCKS = -(-_LONG // BLOCK_SIZE) + -(-_SHORT // BLOCK_SIZE)

    def __init__(self, model: PreTrainedModel, tolerance: float | None = None) -> None:
        """Runs the model over the texts with its own attention and cache.

        Args:
            model: The model.
            tolerance: By what share logits may differ; None takes what the model's type allows.
        """
        self._texts = {"long": _text(model, _LONG), "short": _text(model, _SHORT)}
        self._expected = {name: _own_logits(model, text) for name, text in self._texts.items()}
        own_tolerance = 1e-3 if model.dtype == torch.float32 else 0.1
        self._tolerance = own_tolerance if tolerance is None else tolerance

    def verify(self, runner: ModelRunner) -> None:
        """Compares a runner with the model.

        Args:
            runner: A runner with BLOCK_SIZE and NUM_BLOCKS.

        Raises:
            UnsupportedModelError: The runner fails, or its logits differ.
        """
        blocks = list(range(self.NUM_BLOCKS))
        long = Sequence("long", self._texts["long"][:-1])
        long.block_table = blocks[: -(-_LONG // self.BLOCK_SIZE)]
        short = Sequence("short", self._texts["short"][:-1])
        short.block_table = blocks[len(long.block_table) :]
        try:
            self._run(runner, {long: _CUT})
            self._run(runner, {long: _LONG - 1 - _CUT, short: _SHORT - 1})
            long.token_ids.append(self._texts["long"][-1])
            short.token_ids.append(self._texts["short"][-1])
            self._run(runner, {long: 1, short: 1})
        except UnsupportedModelError:
            raise
        except Exception as error:
            raise UnsupportedModelError(f"packed over a paged cache it raises {error!r}") from error

    def _run(self, runner: ModelRunner, parts: dict[Sequence, int]) -> None:
        chunks = [ScheduledChunk.of(sequence, count) for sequence, count in parts.items()]
        sampled, logits = runner.run(chunks)
        for chunk, row in zip(sampled, logits, strict=True):
            expected = self._expected[chunk.sequence.request_id][chunk.end - 1]
            difference = (row.float() - expected).norm() / expected.norm()
            if not difference <= self._tolerance:
                raise UnsupportedModelError(
                    f"packed over a paged cache its logits differ by {difference:.1%}"
                )
        for chunk in chunks:
            chunk.sequence.num_computed_tokens = chunk.end


def _text(model: PreTrainedModel, length: int) -> list[int]:
    # Different tokens all over the vocabulary, the same ones at every start.
    vocabulary_size = model.config.get_text_config().vocab_size
    return [(7919 * (position + length)) % vocabulary_size for position in range(length)]


def _own_logits(model: PreTrainedModel, token_ids: SequenceOf[int]) -> torch.Tensor:
    logits = forward(
        model,
        torch.tensor([token_ids], device=model.device),
        torch.arange(len(token_ids), device=model.device).unsqueeze(0),
        DynamicCache(config=model.config),
    )
    return logits[0].float()
