// Weight matrices in the order in which the products read them.
//
// A matrix [rows, cols] (y = W x, cols inputs, rows outputs) is cut into blocks of 32 rows. A block
// holds, for each depth step, two tiles of 16 rows each, one after the other:
//   Bf16   32 columns a step; tile [16 column pairs][16 rows][2]
//   float  32 columns a step; tile [32 columns][16 rows]
//   int8   64 columns a step; tile [16 column quads][16 rows][4], and 16 scales a tile
//   int4   64 columns a step; tile [8][16 rows][4] bytes: quad i in the low halves and quad i + 8 in
//          the high halves, each 0 to 15 for -8 to 7; 16 scales a tile
// That is what AMX and the dot-product instructions take as they are, and it makes memory one
// stream, which prefetching wants. Rows and columns are padded with zeros.
#pragma once

#include "common.h"

namespace llm {

constexpr int kBlockRows = 32;
constexpr int kTileRows = 16;

enum class WeightKind : int32_t { kFloat = 0, kBf16 = 1, kInt8 = 2, kInt4 = 3 };

inline bool is_quantized(WeightKind kind) { return kind >= WeightKind::kInt8; }
inline int depth_step(WeightKind kind) { return is_quantized(kind) ? 64 : 32; }

// Mirrored by PackedWeightStruct in structs.py.
struct PackedWeight {
  void* data;
  Bf16* scales;  // [blocks][steps][2][16]; null unless quantized
  int64_t rows;
  int64_t cols;
  WeightKind kind;

  int64_t blocks() const { return (rows + kBlockRows - 1) / kBlockRows; }
  int64_t steps() const { return (cols + depth_step(kind) - 1) / depth_step(kind); }
  int64_t tile_bytes() const {
    switch (kind) {
      case WeightKind::kFloat: return 2048;
      case WeightKind::kInt4: return 512;
      default: return 1024;
    }
  }
  int64_t block_bytes() const { return steps() * 2 * tile_bytes(); }
  char* block(int64_t index) const { return static_cast<char*>(data) + index * block_bytes(); }
  Bf16* block_scales(int64_t index) const { return scales + index * steps() * 2 * kTileRows; }
};

// Packs `count` rows of a row-major matrix (float, or Bf16 where source_is_bf16) as the rows
// `first_row`, `first_row + row_step`... counted in groups of 16: group g of the source becomes
// group `first_group + g * group_step` of the packed matrix. So gate and up projections interleave.
void pack_rows(const PackedWeight& weight, const void* source, bool source_is_bf16, int64_t count,
               int64_t source_stride, int64_t first_group, int64_t group_step);

// Row `row` as floats.
void unpack_row(const PackedWeight& weight, int64_t row, float* to);

}  // namespace llm
