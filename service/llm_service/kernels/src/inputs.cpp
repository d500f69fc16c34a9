#include <cmath>

#include "linear.h"

namespace llm {

int64_t Inputs::row_bytes(WeightKind kind, int64_t stride) {
  switch (kind) {
    case WeightKind::kFloat: return stride * int64_t(sizeof(float));
    case WeightKind::kBf16: return stride * int64_t(sizeof(Bf16Input));
    default: return stride;
  }
}

static void quantize_step(const float* from, int64_t count, int8_t* to, float* scale) {
  float largest = 0;
#pragma omp simd reduction(max : largest)
  for (int64_t i = 0; i < count; ++i) {
    const float magnitude = std::fabs(from[i]);
    largest = magnitude > largest ? magnitude : largest;
  }
  bool finite = true;
  for (int64_t i = 0; i < count; ++i) finite &= std::isfinite(from[i]);
  // A row that is not finite has to end as NaN, as it does with exact weights.
  *scale = finite ? largest / 127.0f : NAN;
  const float inverse = finite && largest > 0 ? 127.0f / largest : 0.0f;
#pragma omp simd
  for (int64_t i = 0; i < count; ++i) {
    constexpr float kRound = 12582912.0f;
    const float shifted = (finite ? from[i] : 0.0f) * inverse + kRound;
    to[i] = int8_t(int32_t(bit_cast<uint32_t>(shifted) - bit_cast<uint32_t>(kRound)));
  }
}

void Inputs::store(int64_t row, int64_t column, const float* from, int64_t count) const {
  if (kind == WeightKind::kFloat) {
    std::memcpy(static_cast<float*>(values) + row * stride + column, from, count * sizeof(float));
  } else if (kind == WeightKind::kBf16) {
    Bf16Input* to = static_cast<Bf16Input*>(values) + row * stride + column;
#pragma omp simd
    for (int64_t i = 0; i < count; ++i) store_as(to + i, from[i]);
  } else {
    int8_t* to = static_cast<int8_t*>(values) + row * stride;
    for (int64_t s = 0; s * 64 < count; ++s) {
      const int64_t width = count - s * 64 < 64 ? count - s * 64 : 64;
      quantize_step(from + s * 64, width, to + s * 64, scales + row * steps() + s);
    }
  }
}

}  // namespace llm
