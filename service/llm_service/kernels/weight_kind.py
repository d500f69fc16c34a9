from enum import IntEnum


class WeightKind(IntEnum):
    """How the numbers of a packed matrix are stored. The values are those of packed_weight.h."""

    FLOAT32 = 0
    BFLOAT16 = 1

    INT8 = 2
    """8 bits with a scale for every 64 columns of a row; inputs are rounded likewise."""

    INT4 = 3
    """4 bits with a scale for every 64 columns of a row; inputs are rounded to 8 bits."""

    @property
    def is_quantized(self) -> bool:
        """Whether it stores less than the model's own numbers."""
        return self >= WeightKind.INT8
