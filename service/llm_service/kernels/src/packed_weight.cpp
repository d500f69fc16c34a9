#include "packed_weight.h"

#include <algorithm>
#include <cmath>

namespace llm {
namespace {

float read(const void* source, bool is_bf16, int64_t index) {
  return is_bf16 ? to_float(static_cast<const Bf16*>(source)[index])
                 : static_cast<const float*>(source)[index];
}

// The scale rounded up to Bf16, so that no quotient exceeds `limit`.
Bf16 scale_for(float largest, float limit) {
  const float exact = largest / limit;
  Bf16 scale;
  store_as(&scale, exact);
  if (to_float(scale) < exact) scale.bits += 1;
  return scale;
}

// Packs `width` values of one row at one depth step into lane `lane` of a tile.
void pack_lane(WeightKind kind, char* tile, Bf16* scale, int lane, const float* values) {
  switch (kind) {
    case WeightKind::kFloat:
      for (int c = 0; c < 32; ++c) reinterpret_cast<float*>(tile)[c * kTileRows + lane] = values[c];
      return;
    case WeightKind::kBf16:
      for (int c = 0; c < 32; ++c) {
        Bf16* to = reinterpret_cast<Bf16*>(tile) + (c / 2 * kTileRows + lane) * 2 + c % 2;
        store_as(to, values[c]);
      }
      return;
    default: break;
  }
  float largest = 0;
  for (int c = 0; c < 64; ++c) largest = std::max(largest, std::fabs(values[c]));
  const bool four_bits = kind == WeightKind::kInt4;
  const float limit = four_bits ? 7.0f : 127.0f;
  scale[lane] = scale_for(largest, limit);
  const float divisor = to_float(scale[lane]);
  for (int c = 0; c < 64; ++c) {
    const float exact = divisor == 0 ? 0.0f : values[c] / divisor;
    const int q = int(std::lrint(std::clamp(exact, -limit, limit)));
    const int quad = c / 4;
    if (!four_bits) {
      reinterpret_cast<int8_t*>(tile)[(quad * kTileRows + lane) * 4 + c % 4] = int8_t(q);
    } else {
      uint8_t* to = reinterpret_cast<uint8_t*>(tile) + (quad % 8 * kTileRows + lane) * 4 + c % 4;
      const int bits = q + 8;
      *to = uint8_t(quad < 8 ? (*to & 0xf0) | bits : (*to & 0x0f) | (bits << 4));
    }
  }
}

// A whole tile of a Bf16 source: pairs of columns move as they are.
void pack_bf16_tile(const Bf16* source, int64_t source_stride, char* tile) {
  for (int lane = 0; lane < kTileRows; ++lane) {
    for (int pair = 0; pair < 16; ++pair) {
      std::memcpy(tile + (pair * kTileRows + lane) * 4, source + lane * source_stride + pair * 2, 4);
    }
  }
}

}  // namespace

void pack_rows(const PackedWeight& weight, const void* source, bool source_is_bf16, int64_t count,
               int64_t source_stride, int64_t first_group, int64_t group_step) {
  const int step = depth_step(weight.kind);
  const int64_t groups = (count + kTileRows - 1) / kTileRows;
#pragma omp parallel for schedule(static)
  for (int64_t g = 0; g < groups; ++g) {
    const int64_t target = first_group + g * group_step;
    char* block = weight.block(target / 2);
    for (int64_t s = 0; s < weight.steps(); ++s) {
      const int64_t tile_index = s * 2 + target % 2;
      char* tile = block + tile_index * weight.tile_bytes();
      const bool is_whole = (g + 1) * kTileRows <= count && (s + 1) * step <= weight.cols;
      if (is_whole && source_is_bf16 && weight.kind == WeightKind::kBf16) {
        pack_bf16_tile(static_cast<const Bf16*>(source) + g * kTileRows * source_stride + s * step,
                       source_stride, tile);
        continue;
      }
      Bf16* scale = weight.scales ? weight.block_scales(target / 2) + tile_index * kTileRows : nullptr;
      for (int lane = 0; lane < kTileRows; ++lane) {
        float values[64] = {};
        const int64_t row = g * kTileRows + lane;
        const int64_t width = row < count ? std::min<int64_t>(step, weight.cols - s * step) : 0;
        for (int64_t c = 0; c < width; ++c) {
          values[c] = read(source, source_is_bf16, row * source_stride + s * step + c);
        }
        pack_lane(weight.kind, tile, scale, lane, values);
      }
    }
  }
}

void unpack_row(const PackedWeight& weight, int64_t row, float* to) {
  const int step = depth_step(weight.kind);
  const int64_t group = row / kTileRows;
  const int lane = int(row % kTileRows);
  const char* block = weight.block(group / 2);
  for (int64_t c = 0; c < weight.cols; ++c) {
    const int64_t tile_index = c / step * 2 + group % 2;
    const char* tile = block + tile_index * weight.tile_bytes();
    const int inner = int(c % step);
    const int quad = inner / 4;
    switch (weight.kind) {
      case WeightKind::kFloat:
        to[c] = reinterpret_cast<const float*>(tile)[inner * kTileRows + lane];
        continue;
      case WeightKind::kBf16:
        to[c] = to_float(
            reinterpret_cast<const Bf16*>(tile)[(inner / 2 * kTileRows + lane) * 2 + inner % 2]);
        continue;
      default: break;
    }
    const float scale = to_float(weight.block_scales(group / 2)[tile_index * kTileRows + lane]);
    int q;
    if (weight.kind == WeightKind::kInt8) {
      q = reinterpret_cast<const int8_t*>(tile)[(quad * kTileRows + lane) * 4 + inner % 4];
    } else {
      const int byte =
          reinterpret_cast<const uint8_t*>(tile)[(quad % 8 * kTileRows + lane) * 4 + inner % 4];
      q = (quad < 8 ? byte & 15 : byte >> 4) - 8;
    }
    to[c] = scale * float(q);
  }
}

}  // namespace llm
