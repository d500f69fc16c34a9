import ctypes
import logging
from ctypes import POINTER, c_int32, c_int64, c_void_p
from functools import cache
from pathlib import Path

import torch

from llm_service.kernels.build import LIBRARY_FOLDER, library_path
from llm_service.kernels.errors import KernelUnavailableError
from llm_service.kernels.instruction_set import INSTRUCTION_SETS, InstructionSet
from llm_service.kernels.structs import DecoderModelStruct, DecoderStepStruct, PackedWeightStruct

logger = logging.getLogger(__name__)


class KernelLibrary:
    """The compiled kernels of one instruction set.

    Calls let other Python threads run.

    Attributes:
        instruction_set: What it was compiled for.
    """

    def __init__(self, instruction_set: InstructionSet, folder: Path = LIBRARY_FOLDER) -> None:
        """Loads the library.

        Raises:
            KernelUnavailableError: The processor lacks the instructions, or the library is not
                built or cannot be loaded.
        """
        self.instruction_set = instruction_set
        if not instruction_set.runs_here():
            raise KernelUnavailableError(f"the processor has no {instruction_set.name}")
        path = library_path(instruction_set, folder)
        if not path.exists():
            raise KernelUnavailableError(
                f"{path} is not built: run python -m llm_service.kernels.build"
            )
        try:
            # torch, imported above, has loaded the OpenMP runtime that the library needs.
            library = ctypes.CDLL(str(path))
        except OSError as error:
            raise KernelUnavailableError(f"{path} cannot be loaded: {error}") from error
        self._library = library
        _declare(library)
        if library.llm_prepare() != 0:
            raise KernelUnavailableError(f"the system does not allow {instruction_set.name}")

    def weight_bytes(self, rows: int, cols: int, kind: int) -> tuple[int, int]:
        """Sizes in bytes of a packed matrix's numbers and of its scales."""
        return (
            self._library.llm_weight_bytes(rows, cols, kind),
            self._library.llm_scale_bytes(rows, cols, kind),
        )

    def pack_rows(
        self, weight: PackedWeightStruct, source: torch.Tensor, first_group: int, group_step: int
    ) -> None:
        """Copies a matrix into groups of 16 rows of a packed one.

        Args:
            weight: The packed matrix.
            source: Float32 or bfloat16, [rows, cols], each row contiguous.
            first_group: Where the first group of 16 rows goes.
            group_step: From one group to the next.
        """
        self._library.llm_pack_rows(
            ctypes.byref(weight),
            source.data_ptr(),
            int(source.dtype == torch.bfloat16),
            source.shape[0],
            source.stride(0),
            first_group,
            group_step,
        )

    def unpack_row(self, weight: PackedWeightStruct, row: int, to: torch.Tensor) -> None:
        """Copies a row of a packed matrix into a float32 tensor, [cols]."""
        self._library.llm_unpack_row(ctypes.byref(weight), row, to.data_ptr())

    def linear(self, weight: PackedWeightStruct, inputs: torch.Tensor) -> torch.Tensor:
        """Multiplies inputs, float32 [n, cols], by a packed matrix: float32 [n, rows]."""
        inputs = inputs.contiguous()
        outputs = torch.empty((inputs.shape[0], weight.rows))
        _require_memory(
            self._library.llm_linear(
                ctypes.byref(weight),
                inputs.data_ptr(),
                inputs.shape[0],
                outputs.data_ptr(),
                torch.get_num_threads(),
            )
        )
        return outputs

    def decode(self, model: DecoderModelStruct, step: DecoderStepStruct) -> None:
        """Runs one step of a decoder."""
        _require_memory(self._library.llm_decode(ctypes.byref(model), ctypes.byref(step)))


@cache
def best_kernel_library() -> KernelLibrary:
    """The kernels for the best instruction set that this machine has and that are built.

    Raises:
        KernelUnavailableError: There are none.
    """
    reasons = []
    for instruction_set in INSTRUCTION_SETS:
        try:
            return KernelLibrary(instruction_set)
        except KernelUnavailableError as error:
            reasons.append(str(error))
    raise KernelUnavailableError("; ".join(reasons))


def _declare(library: ctypes.CDLL) -> None:
    weight = POINTER(PackedWeightStruct)
    for name, result, arguments in (
        ("llm_prepare", c_int32, ()),
        ("llm_weight_bytes", c_int64, (c_int64, c_int64, c_int32)),
        ("llm_scale_bytes", c_int64, (c_int64, c_int64, c_int32)),
        (
            "llm_pack_rows",
            None,
            (weight, c_void_p, c_int32, c_int64, c_int64, c_int64, c_int64),
        ),
        ("llm_unpack_row", None, (weight, c_int64, c_void_p)),
        ("llm_linear", c_int32, (weight, c_void_p, c_int64, c_void_p, c_int64)),
        ("llm_decode", c_int32, (POINTER(DecoderModelStruct), POINTER(DecoderStepStruct))),
    ):
        function = getattr(library, name)
        function.restype = result
        function.argtypes = arguments


def _require_memory(status: int) -> None:
    if status != 0:
        raise MemoryError("the kernels got no memory for their intermediate values")
