// Panels of block products by vector instructions: the path of processors without AMX.
#pragma once

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#include "int4_tile.h"
#include "linear.h"

namespace llm {

constexpr int kTileVectors = kTileRows / kLanes;

// How far ahead of its use a weight is asked for, in bytes.
constexpr int64_t kPrefetchBytes = 2048;

inline void prefetch_tile(const char* tile, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) __builtin_prefetch(tile + kPrefetchBytes + i, 0, 2);
}

// One depth step of kRows rows and one tile, for each kind: sums[row][vector] += input * weight.
template <int kRows>
struct FloatStep {
  using Input = float;
  static constexpr int kDepth = 32;
  static void add(const char* tile, const float* const* x, Floats (*sums)[kTileVectors]) {
    const float* w = reinterpret_cast<const float*>(tile);
    for (int c = 0; c < kDepth; ++c) {
      for (int v = 0; v < kTileVectors; ++v) {
        const Floats weight = load_floats(w + c * kTileRows + v * kLanes);
        for (int r = 0; r < kRows; ++r) sums[r][v] += weight * broadcast(x[r][c]);
      }
    }
  }
};

#if defined(__AVX512BF16__)
template <int kRows>
struct Bf16Step {
  using Input = Bf16;
  static constexpr int kDepth = 32;
  static void add(const char* tile, const Bf16* const* x, Floats (*sums)[kTileVectors]) {
    for (int pair = 0; pair < kDepth / 2; ++pair) {
      const __m512bh weight = (__m512bh)_mm512_loadu_si512(tile + pair * 64);
      for (int r = 0; r < kRows; ++r) {
        int32_t both;
        std::memcpy(&both, x[r] + pair * 2, sizeof(both));
        const __m512bh input = (__m512bh)_mm512_set1_epi32(both);
        sums[r][0] = (Floats)_mm512_dpbf16_ps((__m512)sums[r][0], weight, input);
      }
    }
  }
};
#else
template <int kRows>
struct Bf16Step {
  using Input = float;
  static constexpr int kDepth = 32;
  static void add(const char* tile, const float* const* x, Floats (*sums)[kTileVectors]) {
    for (int pair = 0; pair < kDepth / 2; ++pair) {
      for (int v = 0; v < kTileVectors; ++v) {
        Words both;
        std::memcpy(&both, tile + pair * 64 + v * sizeof(Words), sizeof(both));
        const Floats even = bit_cast<Floats>(both << 16);
        const Floats odd = bit_cast<Floats>(both & 0xffff0000u);
        for (int r = 0; r < kRows; ++r) {
          sums[r][v] += even * broadcast(x[r][pair * 2]);
          sums[r][v] += odd * broadcast(x[r][pair * 2 + 1]);
        }
      }
    }
  }
};
#endif

// Sums of integers up to 64 * 127 * 127 are exact in a float, so all instruction sets agree.
template <int kRows>
void add_int8_step(const char* tile, const int8_t* const* x, const float* input_scales,
                   const Bf16* weight_scales, Floats (*sums)[kTileVectors]) {
  for (int v = 0; v < kTileVectors; ++v) {
    const Floats scale = load_floats(weight_scales + v * kLanes);
#if defined(__AVX512VNNI__)
    __m512i total[kRows];
    for (int r = 0; r < kRows; ++r) {
      // Weights + 128 are unsigned, as the instruction wants; the surplus is taken off first.
      const __m512i all = _mm512_loadu_si512(x[r]);
      const __m512i per_quad = _mm512_dpbusd_epi32(_mm512_setzero_si512(), _mm512_set1_epi8(1), all);
      total[r] = _mm512_set1_epi32(-128 * _mm512_reduce_add_epi32(per_quad));
    }
    for (int quad = 0; quad < 16; ++quad) {
      const __m512i weight =
          _mm512_xor_si512(_mm512_loadu_si512(tile + quad * 64), _mm512_set1_epi8(char(0x80)));
      for (int r = 0; r < kRows; ++r) {
        int32_t four;
        std::memcpy(&four, x[r] + quad * 4, sizeof(four));
        total[r] = _mm512_dpbusd_epi32(total[r], weight, _mm512_set1_epi32(four));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      sums[r][v] += (Floats)_mm512_cvtepi32_ps(total[r]) * (scale * broadcast(input_scales[r]));
    }
#else
    Floats total[kRows] = {};
    for (int quad = 0; quad < 16; ++quad) {
      Ints four;
      std::memcpy(&four, tile + quad * 64 + v * sizeof(Ints), sizeof(four));
      for (int j = 0; j < 4; ++j) {
        const Floats weight = __builtin_convertvector((four << (24 - 8 * j)) >> 24, Floats);
        for (int r = 0; r < kRows; ++r) total[r] += weight * broadcast(float(x[r][quad * 4 + j]));
      }
    }
    for (int r = 0; r < kRows; ++r) {
      sums[r][v] += total[r] * (scale * broadcast(input_scales[r]));
    }
#endif
  }
}

template <int kRows, class Step>
void float_panel(const char* block, int64_t steps, int64_t tile_bytes, const Inputs& inputs,
                 int64_t first, float* out) {
  using Input = typename Step::Input;
  Floats sums[2][kRows][kTileVectors] = {};
  const Input* x[kRows];
  for (int r = 0; r < kRows; ++r) {
    x[r] = static_cast<const Input*>(inputs.values) + (first + r) * inputs.stride;
  }
  for (int64_t s = 0; s < steps; ++s) {
    for (int t = 0; t < 2; ++t, block += tile_bytes) {
      prefetch_tile(block, tile_bytes);
      Step::add(block, x, sums[t]);
    }
    for (int r = 0; r < kRows; ++r) x[r] += Step::kDepth;
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < 2 * kTileVectors; ++v) {
      store_floats(out + (first + r) * kBlockRows + v * kLanes,
                   sums[v / kTileVectors][r][v % kTileVectors]);
    }
  }
}

template <int kRows>
void integer_panel(const PackedWeight& weight, int64_t block_index, const Inputs& inputs,
                   int64_t first, float* out) {
  Floats sums[2][kRows][kTileVectors] = {};
  const char* tile = weight.block(block_index);
  const Bf16* scales = weight.block_scales(block_index);
  alignas(64) char expanded[1024];
  for (int64_t s = 0; s < weight.steps(); ++s) {
    const int8_t* x[kRows];
    float input_scales[kRows];
    for (int r = 0; r < kRows; ++r) {
      x[r] = static_cast<const int8_t*>(inputs.values) + (first + r) * inputs.stride + s * 64;
      input_scales[r] = inputs.scales[(first + r) * inputs.steps() + s];
    }
    for (int t = 0; t < 2; ++t, tile += weight.tile_bytes(), scales += kTileRows) {
      prefetch_tile(tile, weight.tile_bytes());
      const char* bytes = tile;
      if (weight.kind == WeightKind::kInt4) {
        expand_int4_tile(tile, expanded);
        bytes = expanded;
      }
      add_int8_step<kRows>(bytes, x, input_scales, scales, sums[t]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < 2 * kTileVectors; ++v) {
      store_floats(out + (first + r) * kBlockRows + v * kLanes,
                   sums[v / kTileVectors][r][v % kTileVectors]);
    }
  }
}

template <int kRows>
void vector_panel(const PackedWeight& weight, int64_t block, const Inputs& inputs, int64_t first,
                  float* out) {
  const char* data = weight.block(block);
  if (weight.kind == WeightKind::kFloat) {
    float_panel<kRows, FloatStep<kRows>>(data, weight.steps(), 2048, inputs, first, out);
  } else if (weight.kind == WeightKind::kBf16) {
    float_panel<kRows, Bf16Step<kRows>>(data, weight.steps(), 1024, inputs, first, out);
  } else {
    integer_panel<kRows>(weight, block, inputs, first, out);
  }
}

// As many rows at once as the registers hold sums of.
constexpr int kVectorRows = kLanes == 16 ? 8 : 2;

inline void vector_product(const PackedWeight& weight, int64_t block, const Inputs& inputs,
                           int64_t rows, float* out) {
  int64_t first = 0;
  for (; first + kVectorRows <= rows; first += kVectorRows) {
    vector_panel<kVectorRows>(weight, block, inputs, first, out);
  }
  if constexpr (kVectorRows == 8) {
    if (rows - first >= 4) {
      vector_panel<4>(weight, block, inputs, first, out);
      first += 4;
    }
    if (rows - first >= 2) {
      vector_panel<2>(weight, block, inputs, first, out);
      first += 2;
    }
  }
  if (first < rows) vector_panel<1>(weight, block, inputs, first, out);
}

}  // namespace llm
