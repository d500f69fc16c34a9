// What Python calls. Functions return 0, or 1 when memory is short.

#include <sys/syscall.h>
#include <unistd.h>

#include <new>
#include <vector>

#include "decoder.h"
#include "linear.h"

using namespace llm;

namespace {

template <class Body>
int guarded(Body body) {
  try {
    body();
    return 0;
  } catch (const std::bad_alloc&) {
    return 1;
  }
}

}  // namespace

#pragma GCC visibility push(default)
extern "C" {

// Asks the kernel for the tile registers, which a process has to do once. 0 when they are there or
// not needed.
int llm_prepare() {
#if defined(__AMX_TILE__)
  constexpr long kRequestPermission = 0x1023;  // ARCH_REQ_XCOMP_PERM
  constexpr long kTileData = 18;               // XFEATURE_XTILEDATA
  return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0 ? 0 : 1;
#else
  return 0;
#endif
}

int64_t llm_weight_bytes(int64_t rows, int64_t cols, int32_t kind) {
  const PackedWeight weight{nullptr, nullptr, rows, cols, WeightKind(kind)};
  return weight.blocks() * weight.block_bytes();
}

int64_t llm_scale_bytes(int64_t rows, int64_t cols, int32_t kind) {
  const PackedWeight weight{nullptr, nullptr, rows, cols, WeightKind(kind)};
  if (!is_quantized(weight.kind)) return 0;
  return weight.blocks() * weight.steps() * 2 * kTileRows * int64_t(sizeof(Bf16));
}

void llm_pack_rows(const PackedWeight* weight, const void* source, int32_t source_is_bf16,
                   int64_t count, int64_t source_stride, int64_t first_group, int64_t group_step) {
  pack_rows(*weight, source, source_is_bf16 != 0, count, source_stride, first_group, group_step);
}

void llm_unpack_row(const PackedWeight* weight, int64_t row, float* to) {
  unpack_row(*weight, row, to);
}

// to[rows][weight rows] = x[rows][weight cols] times the weight transposed.
int llm_linear(const PackedWeight* weight, const float* x, int64_t rows, float* to,
               int64_t threads) {
  return guarded([&] {
    Inputs inputs{};
    inputs.kind = weight->kind;
    inputs.stride = weight->steps() * depth_step(weight->kind);
    const int64_t padded = round_up(rows, 2 * kPanelRows);
    // The first aligned byte is where the tiles' rows begin on cache lines.
    std::vector<char> values(size_t(padded * Inputs::row_bytes(inputs.kind, inputs.stride)) + 64);
    std::vector<float> scales(size_t(padded * inputs.steps()));
    inputs.values = values.data() + (-reinterpret_cast<uintptr_t>(values.data()) & 63);
    inputs.scales = scales.data();
    for (int64_t r = 0; r < rows; ++r) inputs.store(r, 0, x + r * weight->cols, weight->cols);
#pragma omp parallel num_threads(int(threads))
    {
      begin_products();
      std::vector<float> block(size_t(padded * kBlockRows));
#pragma omp for schedule(dynamic, 4)
      for (int64_t b = 0; b < weight->blocks(); ++b) {
        block_product(*weight, b, inputs, rows, block.data());
        const int64_t first = b * kBlockRows;
        const int64_t count = weight->rows - first < kBlockRows ? weight->rows - first : kBlockRows;
        for (int64_t r = 0; r < rows; ++r) {
          std::memcpy(to + r * weight->rows + first, block.data() + r * kBlockRows,
                      size_t(count) * sizeof(float));
        }
      }
      end_products();
    }
  });
}

int llm_decode(const DecoderModel* model, const DecoderStep* step) {
  return guarded([&] { decode(*model, *step); });
}

}  // extern "C"
#pragma GCC visibility pop
