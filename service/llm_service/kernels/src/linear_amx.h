// Panels of block products by AMX tiles.
#pragma once

#if defined(__AMX_TILE__)

#include <immintrin.h>

#include "int4_tile.h"
#include "linear.h"

namespace llm {

// Tiles of the products: 0 to 3 sums, 4 and 5 inputs, 6 and 7 weights; all 16 rows of 64 bytes.
inline void configure_tiles() {
  struct alignas(64) {
    uint8_t palette = 1;
    uint8_t start_row = 0;
    uint8_t reserved[14] = {};
    uint16_t column_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
    uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
  } config;
  // GCC believes that the instruction reads the first bytes only and drops the rest.
  asm volatile("" : : "r"(&config) : "memory");
  _tile_loadconfig(&config);
}

// Longer distances were slower: the lines fall out of the first cache before their use.
inline void prefetch_pair(const char* tiles, int64_t bytes) {
  for (int64_t i = 0; i < bytes; i += 64) {
    _mm_prefetch(tiles + 1024 + i, _MM_HINT_T1);
  }
}

// The first 16 rows fetch the weights from memory; what follows finds them in the second cache.
inline void amx_bf16_product(const PackedWeight& weight, int64_t block, const Inputs& inputs,
                             int64_t rows, float* out) {
  const int64_t steps = weight.steps();
  const int64_t row_bytes = inputs.stride * int64_t(sizeof(Bf16));
  const char* x = static_cast<const char*>(inputs.values);
  const char* start = weight.block(block);
  constexpr int kOutBytes = kBlockRows * sizeof(float);
  if (rows <= kPanelRows) {
    const char* w = start;
    _tile_zero(0);
    _tile_zero(1);
    for (int64_t s = 0; s < steps; ++s, w += 2048, x += 64) {
      prefetch_pair(w, 2048);
      _tile_loadd(4, x, row_bytes);
      _tile_loadd(6, w, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, w + 1024, 64);
      _tile_dpbf16ps(1, 4, 7);
    }
    _tile_stored(0, out, kOutBytes);
    _tile_stored(1, out + 16, kOutBytes);
    return;
  }
  for (int64_t first = 0; first < rows; first += 2 * kPanelRows) {
    // A last single panel is multiplied twice rather than in a form of its own.
    const bool two = first + kPanelRows < rows;
    const char* upper = x + first * row_bytes;
    const char* lower = two ? upper + kPanelRows * row_bytes : upper;
    const char* w = start;
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
    for (int64_t s = 0; s < steps; ++s, w += 2048, upper += 64, lower += 64) {
      if (first == 0) prefetch_pair(w, 2048);
      _tile_loadd(4, upper, row_bytes);
      _tile_loadd(6, w, 64);
      _tile_dpbf16ps(0, 4, 6);
      _tile_loadd(7, w + 1024, 64);
      _tile_dpbf16ps(1, 4, 7);
      _tile_loadd(5, lower, row_bytes);
      _tile_dpbf16ps(2, 5, 6);
      _tile_dpbf16ps(3, 5, 7);
    }
    float* to = out + first * kBlockRows;
    _tile_stored(0, to, kOutBytes);
    _tile_stored(1, to + 16, kOutBytes);
    if (two) {
      _tile_stored(2, to + kPanelRows * kBlockRows, kOutBytes);
      _tile_stored(3, to + kPanelRows * kBlockRows + 16, kOutBytes);
    }
  }
}

// Adds the integer sums of one step and one tile, times both scales.
inline void add_scaled(const int32_t* sums, const float* input_scales, int64_t scale_stride,
                       __m512 weight_scale, int64_t rows, float* out) {
  for (int64_t r = 0; r < rows; ++r) {
    const __m512 scale = _mm512_mul_ps(weight_scale, _mm512_set1_ps(input_scales[r * scale_stride]));
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_load_si512(sums + r * 16));
    float* to = out + r * kBlockRows;
    _mm512_storeu_ps(to, _mm512_fmadd_ps(sum, scale, _mm512_loadu_ps(to)));
  }
}

inline void amx_int8_product(const PackedWeight& weight, int64_t block, const Inputs& inputs,
                             int64_t rows, float* out) {
  alignas(64) int32_t sums[2][16 * 16];
  alignas(64) char expanded[2048];
  const int64_t steps = weight.steps();
  const int64_t tile_bytes = weight.tile_bytes();
  const int64_t padded = round_up(rows, kPanelRows);
  std::memset(out, 0, padded * kBlockRows * sizeof(float));
  const char* w = weight.block(block);
  const Bf16* scales = weight.block_scales(block);
  for (int64_t s = 0; s < steps; ++s, w += 2 * tile_bytes, scales += 2 * kTileRows) {
    prefetch_pair(w, 2 * tile_bytes);
    const char* tiles = w;
    if (weight.kind == WeightKind::kInt4) {
      expand_int4_tile(w, expanded);
      expand_int4_tile(w + 512, expanded + 1024);
      tiles = expanded;
    }
    _tile_loadd(6, tiles, 64);
    _tile_loadd(7, tiles + 1024, 64);
    const __m512 left = (__m512)load_floats(scales);
    const __m512 right = (__m512)load_floats(scales + kTileRows);
    for (int64_t first = 0; first < rows; first += kPanelRows) {
      const char* x = static_cast<const char*>(inputs.values) + first * inputs.stride + s * 64;
      _tile_loadd(4, x, inputs.stride);
      _tile_zero(0);
      _tile_zero(1);
      _tile_dpbssd(0, 4, 6);
      _tile_dpbssd(1, 4, 7);
      _tile_stored(0, sums[0], 64);
      _tile_stored(1, sums[1], 64);
      const int64_t count = rows - first < kPanelRows ? rows - first : kPanelRows;
      const float* input_scales = inputs.scales + first * steps + s;
      add_scaled(sums[0], input_scales, steps, left, count, out + first * kBlockRows);
      add_scaled(sums[1], input_scales, steps, right, count, out + first * kBlockRows + 16);
    }
  }
}

}  // namespace llm

#endif
