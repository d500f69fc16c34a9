from collections.abc import Sequence as SequenceOf

import torch

from llm_service.kernels.huge_page_memory import HugePageMemory
from llm_service.kernels.kernel_library import KernelLibrary
from llm_service.kernels.structs import PackedWeightStruct
from llm_service.kernels.weight_kind import WeightKind

_GROUP_ROWS = 16


class PackedMatrix:
    """A weight matrix in the order in which the kernels read it.

    Attributes:
        struct: What the kernels take.
    """

    def __init__(
        self,
        library: KernelLibrary,
        memory: HugePageMemory,
        rows: int,
        cols: int,
        kind: WeightKind,
    ) -> None:
        """Takes the memory; all weights are zero.

        Args:
            library: The kernels.
            memory: Where the numbers go; it has to outlive the matrix.
            rows: Number of outputs.
            cols: Number of inputs.
            kind: How the numbers are stored.
        """
        self._library = library
        self._memory = memory
        numbers, scales = library.weight_bytes(rows, cols, kind)
        self.struct = PackedWeightStruct(
            data=memory.take(numbers),
            scales=memory.take(scales) if scales else None,
            rows=rows,
            cols=cols,
            kind=kind,
        )

    @staticmethod
    def num_bytes(library: KernelLibrary, rows: int, cols: int, kind: WeightKind) -> int:
        """Memory of a matrix of this size."""
        return sum(map(HugePageMemory.piece_bytes, library.weight_bytes(rows, cols, kind)))

    def pack_rows(self, source: torch.Tensor, first_row: int = 0) -> None:
        """Copies a matrix into the rows from `first_row` on.

        Args:
            source: Float32 or bfloat16, [n, cols].
            first_row: A multiple of 16.
        """
        self._library.pack_rows(self.struct, source, first_row // _GROUP_ROWS, 1)

    def pack_interleaved(self, sources: SequenceOf[torch.Tensor]) -> None:
        """Copies matrices in turn, 16 rows of each.

        Args:
            sources: Float32 or bfloat16, each [n, cols].
        """
        for index, source in enumerate(sources):
            self._library.pack_rows(self.struct, source, index, len(sources))

    def linear(self, inputs: torch.Tensor) -> torch.Tensor:
        """Multiplies inputs, float32 [n, cols], by the matrix: float32 [n, rows]."""
        return self._library.linear(self.struct, inputs)

    def unpack(self) -> torch.Tensor:
        """The matrix as float32, [rows, cols]."""
        rows = torch.empty((self.struct.rows, self.struct.cols))
        for index in range(self.struct.rows):
            self._library.unpack_row(self.struct, index, rows[index])
        return rows
