from collections.abc import Sequence as SequenceOf

import torch
from torch import nn

from llm_service.kernels.huge_page_memory import HugePageMemory
from llm_service.kernels.kernel_library import KernelLibrary
from llm_service.kernels.packed_matrix import PackedMatrix
from llm_service.kernels.structs import PackedWeightStruct
from llm_service.kernels.weight_kind import WeightKind

# Rows that alternate when matrices are interleaved.
_GROUP_ROWS = 16


class PackedProjection:
    """The weights of linear layers with the same input, moved into one packed matrix."""

    def __init__(
        self,
        modules: SequenceOf[nn.Linear],
        library: KernelLibrary,
        memory: HugePageMemory,
        kind: WeightKind,
        *,
        interleaved: bool = False,
    ) -> None:
        """Packs the weights and empties the layers.

        Args:
            modules: The layers, all of the same number of inputs.
            library: The kernels.
            memory: Where the numbers go.
            kind: How they are stored.
            interleaved: Whether 16 rows of each layer follow each other in turn, rather than
                whole layers; all have to have as many rows then.
        """
        self._modules = tuple(modules)
        self._interleaved = interleaved
        # Not of the modules: an emptied weight no longer has them.
        self._row_counts = [module.weight.shape[0] for module in modules]
        rows = sum(self._row_counts)
        if interleaved:
            rows = self.interleaved_rows(self._row_counts[0])
        cols = modules[0].weight.shape[1]
        self._matrix = PackedMatrix(library, memory, rows, cols, kind)
        weights = [module.weight.detach() for module in modules]
        if interleaved:
            self._matrix.pack_interleaved(weights)
        else:
            self._matrix.pack_rows(weights[0] if len(weights) == 1 else torch.cat(weights))
        for module in modules:
            _set_weight(module, torch.empty(0, dtype=module.weight.dtype))

    @property
    def struct(self) -> PackedWeightStruct:
        """What the kernels take."""
        return self._matrix.struct

    @staticmethod
    def interleaved_rows(rows: int) -> int:
        """Rows of two interleaved layers of so many rows."""
        return 2 * -(-rows // _GROUP_ROWS) * _GROUP_ROWS

    @staticmethod
    def num_bytes(library: KernelLibrary, rows: int, cols: int, kind: WeightKind) -> int:
        """Memory of a packed matrix."""
        return PackedMatrix.num_bytes(library, rows, cols, kind)

    def restore(self, dtype: torch.dtype) -> None:
        """Gives the weights back to the layers, rounded as they were packed."""
        packed = self._matrix.unpack().to(dtype)
        if self._interleaved:
            groups = packed.view(-1, len(self._modules), _GROUP_ROWS, packed.shape[1])
            for index, (module, rows) in enumerate(
                zip(self._modules, self._row_counts, strict=True)
            ):
                _set_weight(module, groups[:, index].flatten(0, 1)[:rows].clone())
            return
        weights = torch.split(packed, self._row_counts)
        for module, weight in zip(self._modules, weights, strict=True):
            _set_weight(module, weight.clone())


def _set_weight(module: nn.Linear, weight: torch.Tensor) -> None:
    module.weight = nn.Parameter(weight, requires_grad=False)
