import pytest
import torch

from llm_service.kernels.huge_page_memory import HugePageMemory
from llm_service.kernels.packed_matrix import PackedMatrix
from llm_service.kernels.weight_kind import WeightKind
from tests.service.kernels.built_kernels import NAMES, built_kernels

EXACT = (WeightKind.FLOAT32, WeightKind.BFLOAT16)

# Rows and columns: single ones, odd ones, whole blocks, one above and below them.
SIZES = ((1, 1), (16, 32), (31, 33), (32, 64), (33, 63), (100, 130), (257, 640))


def packed(name: str, weight: torch.Tensor, kind: WeightKind) -> PackedMatrix:
    library = built_kernels(name)
    rows, cols = weight.shape
    memory = HugePageMemory(PackedMatrix.num_bytes(library, rows, cols, kind))
    matrix = PackedMatrix(library, memory, rows, cols, kind)
    matrix.pack_rows(weight)
    return matrix


def random_weight(rows: int, cols: int) -> torch.Tensor:
    # Its numbers are bfloat16, so that both exact kinds hold them.
    return torch.randn(rows, cols, generator=torch.Generator().manual_seed(rows * cols)).bfloat16()


def relative_error(actual: torch.Tensor, expected: torch.Tensor) -> float:
    return float((actual.double() - expected).norm() / expected.norm())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", EXACT)
@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_exact_kinds_keep_every_number(name, kind, rows, cols):
    weight = random_weight(rows, cols)

    assert torch.equal(packed(name, weight, kind).unpack(), weight.float())


@pytest.mark.parametrize("name", NAMES)
def test_bfloat16_rounds_float32_as_torch_does(name):
    weight = torch.randn(40, 70, generator=torch.Generator().manual_seed(0))

    matrix = packed(name, weight, WeightKind.BFLOAT16)

    assert torch.equal(matrix.unpack(), weight.bfloat16().float())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(("kind", "steps"), [(WeightKind.INT8, 127), (WeightKind.INT4, 7)])
@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_quantized_kinds_are_off_by_half_a_step_at_most(name, kind, steps, rows, cols):
    weight = random_weight(rows, cols).float()

    unpacked = packed(name, weight, kind).unpack()

    for start in range(0, cols, 64):
        group = slice(start, start + 64)
        # The scale is rounded up to bfloat16, by at most one part in 128.
        step = weight[:, group].abs().amax(-1, keepdim=True) / steps * (1 + 1 / 128)
        assert ((unpacked - weight)[:, group].abs() <= step / 2 + 1e-7).all()


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", WeightKind)
@pytest.mark.parametrize(("rows", "cols"), SIZES)
def test_products_equal_torchs_for_any_number_of_rows(name, kind, rows, cols):
    matrix = packed(name, random_weight(rows, cols), kind)
    weight = matrix.unpack().double()
    # What is multiplied by quantized weights is rounded to 8 bits.
    tolerance = 0.015 if kind.is_quantized else 1e-6
    generator = torch.Generator().manual_seed(1)

    for count in (*range(1, 36), 64, 65, 127):
        inputs = torch.randn(count, cols, generator=generator).bfloat16().float()
        error = relative_error(matrix.linear(inputs), inputs.double() @ weight.T)
        assert error <= tolerance, f"{count} rows: {error}"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", WeightKind)
def test_a_row_has_the_same_product_in_any_company(name, kind):
    matrix = packed(name, random_weight(70, 200), kind)
    inputs = torch.randn(50, 200, generator=torch.Generator().manual_seed(2))

    together = matrix.linear(inputs)

    for count in (1, 2, 3, 8, 17, 33):
        assert torch.equal(matrix.linear(inputs[:count]), together[:count])


@pytest.mark.parametrize("kind", [WeightKind.INT8, WeightKind.INT4])
def test_quantized_products_agree_between_instruction_sets(kind):
    weight = random_weight(48, 192)
    inputs = torch.randn(5, 192, generator=torch.Generator().manual_seed(3))

    products = [packed(name, weight, kind).linear(inputs) for name in NAMES]

    for product in products[1:]:
        torch.testing.assert_close(product, products[0], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("kind", WeightKind)
@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_a_row_that_is_no_number_spoils_itself_only(name, kind, bad):
    matrix = packed(name, random_weight(40, 128), kind)
    inputs = torch.randn(20, 128, generator=torch.Generator().manual_seed(4))
    expected = matrix.linear(inputs)
    inputs[7, 5] = bad

    product = matrix.linear(inputs)

    assert not product[7].isfinite().any()
    keep = [row for row in range(20) if row != 7]
    assert torch.equal(product[keep], expected[keep])


@pytest.mark.parametrize("name", NAMES)
def test_interleaved_matrices_alternate_every_16_rows(name):
    library = built_kernels(name)
    first, second = torch.full((20, 8), 1.0), torch.full((20, 8), 2.0)
    kind = WeightKind.FLOAT32
    memory = HugePageMemory(PackedMatrix.num_bytes(library, 64, 8, kind))
    matrix = PackedMatrix(library, memory, 64, 8, kind)

    matrix.pack_interleaved([first, second])

    expected = [1.0] * 16 + [2.0] * 16 + ([1.0] * 4 + [0.0] * 12) + ([2.0] * 4 + [0.0] * 12)
    assert matrix.unpack()[:, 0].tolist() == expected


def test_memory_that_was_not_reserved_is_refused():
    memory = HugePageMemory(128)
    memory.take(65)

    with pytest.raises(MemoryError, match="more than was reserved"):
        memory.take(1)
