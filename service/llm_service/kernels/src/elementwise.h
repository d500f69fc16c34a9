// Normalisation, rotation and activation of single rows.
#pragma once

#include <cmath>

#include "common.h"

namespace llm {

// to = x / root mean square of x * scale. `to` may be `x`.
inline void rms_norm(const float* x, const float* scale, int64_t size, float epsilon, float* to) {
  float squares = 0;
#pragma omp simd reduction(+ : squares)
  for (int64_t i = 0; i < size; ++i) squares += x[i] * x[i];
  const float inverse = 1.0f / std::sqrt(squares / float(size) + epsilon);
#pragma omp simd
  for (int64_t i = 0; i < size; ++i) to[i] = x[i] * inverse * scale[i];
}

// Rotates the pairs (i, i + pairs) of a head; cosines and sines hold `pairs` values each.
inline void rotate(float* head, const float* cosines, const float* sines, int64_t pairs) {
  float* upper = head + pairs;
#pragma omp simd
  for (int64_t i = 0; i < pairs; ++i) {
    const float a = head[i];
    const float b = upper[i];
    head[i] = a * cosines[i] - b * sines[i];
    upper[i] = b * cosines[i] + a * sines[i];
  }
}

enum class Activation : int32_t { kSilu = 0, kGeluTanh = 1 };

// gate[i] = activation(gate[i]) * up[i]
inline void gate_values(Activation activation, float* gate, const float* up, int count) {
  if (activation == Activation::kSilu) {
#pragma omp simd
    for (int i = 0; i < count; ++i) gate[i] = gate[i] / (1.0f + fast_exp(-gate[i])) * up[i];
  } else {
    // 0.5 x (1 + tanh u) = x / (1 + exp(-2u))
#pragma omp simd
    for (int i = 0; i < count; ++i) {
      const float x = gate[i];
      const float u = 0.7978845608f * (x + 0.044715f * x * x * x);
      gate[i] = x / (1.0f + fast_exp(-2.0f * u)) * up[i];
    }
  }
}

}  // namespace llm
