import ctypes
from collections.abc import Iterator
from collections.abc import Sequence as SequenceOf
from itertools import accumulate

import torch
from transformers import PreTrainedModel

from llm_service.fast_decoder.decoder_shape import DecoderShape
from llm_service.fast_decoder.decoder_weights import DecoderWeights
from llm_service.fast_decoder.sequence_part import SequencePart
from llm_service.kernels.kernel_library import KernelLibrary
from llm_service.kernels.structs import DecoderStepStruct
from llm_service.kernels.weight_kind import WeightKind


class FastDecoder:
    """Runs a decoder of the Llama, Mistral, Qwen2, Qwen3 or Gemma 3 family on a CPU.

    A step is one call into compiled code, which reads each weight once at the speed of the memory,
    for one row or for sixteen. The numbers of a sequence do not depend on what else is in the
    step, nor on how its tokens are spread over steps.

    Attributes:
        shape: Sizes of the model.
    """

    def __init__(
        self,
        model: PreTrainedModel,
        library: KernelLibrary,
        kind: WeightKind | None = None,
    ) -> None:
        """Moves the weights out of a model, matrix by matrix, so that they exist once.

        Args:
            model: The model, on the CPU. Its matrices are empty afterwards; `restore` fills them.
            library: The kernels.
            kind: How to store the weights; None keeps the model's type.

        Raises:
            UnsupportedDecoderError: The model computes what the kernels do not.
        """
        self.shape = DecoderShape.of(model)
        self._library = library
        self._weights = DecoderWeights(model, self.shape, library, kind or _own_kind(model.dtype))
        self._dtype = model.dtype

    def restore(self, model: PreTrainedModel) -> None:
        """Gives the weights back to the model they came from. This decoder is unusable then."""
        self._weights.restore(model)

    @property
    def cache_bytes_per_token(self) -> int:
        """Memory that the cache takes for a token in all layers, in bytes."""
        shape = self.shape
        numbers = 2 * len(shape.windows) * shape.key_heads * shape.head_size
        return numbers * int(self._dtype.itemsize)

    def make_cache(self, num_blocks: int, block_size: int) -> list[torch.Tensor]:
        """Allocates the keys or the values of all layers; memory is taken as they are written.

        Args:
            num_blocks: Number of blocks.
            block_size: Number of tokens of a block.

        Returns:
            For each layer [num_blocks, block_size, key heads, head size].
        """
        shape = self.shape
        size = (num_blocks, block_size, shape.key_heads, shape.head_size)
        return [torch.zeros(size, dtype=self._dtype) for _ in shape.windows]

    def forward(
        self,
        parts: SequenceOf[SequencePart],
        keys: SequenceOf[torch.Tensor],
        values: SequenceOf[torch.Tensor],
    ) -> torch.Tensor:
        """Runs new tokens of several sequences.

        Args:
            parts: At least one.
            keys: The cached keys, from `make_cache`. Takes those of the new tokens.
            values: The cached values likewise.

        Returns:
            Logits after the last token of each part that wants them, float32, [n, vocabulary].
        """
        self._require_cache(keys)
        self._require_cache(values)
        rows = list(_last_rows(parts))
        logits = torch.empty((len(rows), self.shape.vocabulary))
        tokens = [token for part in parts for token in part.token_ids]
        width = max(len(part.block_table) for part in parts)
        table = [
            block
            for part in parts
            for block in (*part.block_table, *(0,) * (width - len(part.block_table)))
        ]
        starts = list(accumulate((len(part.token_ids) for part in parts), initial=0))
        lengths = [part.start + len(part.token_ids) for part in parts]
        arrays = [_int32_array(items) for items in (tokens, starts, lengths, table, rows)]
        step = DecoderStepStruct(
            token_count=len(tokens),
            sequence_count=len(parts),
            token_ids=ctypes.addressof(arrays[0]),
            query_starts=ctypes.addressof(arrays[1]),
            context_lengths=ctypes.addressof(arrays[2]),
            block_tables=ctypes.addressof(arrays[3]),
            block_table_stride=width,
            block_size=keys[0].shape[1],
            key_caches=_pointers(keys),
            value_caches=_pointers(values),
            row_count=len(rows),
            rows=ctypes.addressof(arrays[4]),
            logits=logits.data_ptr(),
            thread_count=torch.get_num_threads(),
        )
        self._library.decode(self._weights.struct, step)
        return logits

    def _require_cache(self, tensors: SequenceOf[torch.Tensor]) -> None:
        shape = self.shape
        assert len(tensors) == len(shape.windows)
        for tensor in tensors:
            assert tensor.dtype == self._dtype
            assert tensor.is_contiguous()
            assert tensor.shape[2:] == (shape.key_heads, shape.head_size)


def _own_kind(dtype: torch.dtype) -> WeightKind:
    return WeightKind.BFLOAT16 if dtype == torch.bfloat16 else WeightKind.FLOAT32


def _last_rows(parts: SequenceOf[SequencePart]) -> Iterator[int]:
    end = 0
    for part in parts:
        end += len(part.token_ids)
        if part.wants_logits:
            yield end - 1


def _int32_array(items: SequenceOf[int]) -> ctypes.Array[ctypes.c_int32]:
    return (ctypes.c_int32 * max(1, len(items)))(*items)


def _pointers(tensors: SequenceOf[torch.Tensor]) -> ctypes.Array[ctypes.c_void_p]:
    return (ctypes.c_void_p * len(tensors))(*(tensor.data_ptr() for tensor in tensors))
