#include "linear.h"

#include "linear_amx.h"
#include "linear_vector.h"

namespace llm {

void block_product(const PackedWeight& weight, int64_t block, const Inputs& inputs, int64_t rows,
                   float* out) {
#if defined(__AMX_TILE__)
  if (weight.kind == WeightKind::kBf16) {
    amx_bf16_product(weight, block, inputs, rows, out);
    return;
  }
  if (is_quantized(weight.kind)) {
    amx_int8_product(weight, block, inputs, rows, out);
    return;
  }
#endif
  vector_product(weight, block, inputs, rows, out);
}

void begin_products() {
#if defined(__AMX_TILE__)
  configure_tiles();
#endif
}

void end_products() {
#if defined(__AMX_TILE__)
  _tile_release();
#endif
}

}  // namespace llm
