// Attention of single tokens over keys and values in cache blocks.
#pragma once

#include "common.h"

namespace llm {

// Keys are read in spans that begin at multiples of this position. A span's sum depends on its keys
// alone, so the result is the same whichever thread computes it and whatever else runs.
constexpr int64_t kSpanKeys = 64;

// One layer's keys or values: [blocks][tokens of a block][heads][size].
struct CacheView {
  const void* data;
  int64_t block_size;
  int64_t heads;
  int64_t head_size;

  int64_t offset(int64_t slot, int64_t head) const { return (slot * heads + head) * head_size; }
};

// Sums over some keys for the query heads that share one key head: for each head the largest score,
// the sum of exp(score - largest) and the values weighted by it.
struct AttentionSums {
  float* largest;  // [heads]
  float* total;    // [heads]
  float* values;   // [heads][head_size]
};

struct AttentionQuery {
  const float* heads;  // [count][head_size], already scaled
  int64_t count;
  int64_t key_head;
  const int32_t* block_table;
};

// Sums over the keys at positions first ... last - 1, at most kSpanKeys. `scratch` holds
// count * kSpanKeys floats.
template <class Element>
void attend(const AttentionQuery& query, const CacheView& keys, const CacheView& values,
            int64_t first, int64_t last, float* scratch, const AttentionSums& out);

// into = into and from together. An `into` whose total is 0 is empty.
void merge_sums(const AttentionSums& into, const AttentionSums& from, int64_t count,
                int64_t head_size);

}  // namespace llm
