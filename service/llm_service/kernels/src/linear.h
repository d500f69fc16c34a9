// Products of activations with one block of a packed weight matrix.
#pragma once

#include "packed_weight.h"

namespace llm {

#if defined(__AVX512BF16__)
using Bf16Input = Bf16;
#else
// Without a product of Bf16 in hardware, the activations stay exact.
using Bf16Input = float;
#endif

// Rows of inputs in the form that a weight kind wants: float for kFloat, Bf16Input for kBf16, int8
// with a scale for every row and depth step for quantized weights.
struct Inputs {
  void* values;
  float* scales;   // [rows][steps]; null unless quantized
  int64_t stride;  // elements from row to row, a multiple of the depth step; the padding is zero
  WeightKind kind;

  int64_t steps() const { return stride / depth_step(kind); }
  static int64_t row_bytes(WeightKind kind, int64_t stride);
  // Converts and stores `count` values of row `row`, the first at column `column`. Quantized inputs
  // take whole rows only.
  void store(int64_t row, int64_t column, const float* from, int64_t count) const;
};

// Rows are read in panels of this many: buffers of inputs are padded to a multiple of it.
constexpr int kPanelRows = 16;

// out[row][0..31] = the inputs' rows times rows 32 * block ... 32 * block + 31 of the weight. Every
// output is summed in the same order whatever `rows` is, so that a request's numbers do not depend
// on what else runs.
void block_product(const PackedWeight& weight, int64_t block, const Inputs& inputs, int64_t rows,
                   float* out);

// Sets the calling thread up for block_product, and back.
void begin_products();
void end_products();

}  // namespace llm
