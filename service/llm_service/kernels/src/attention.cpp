#include "attention.h"

#include <algorithm>
#include <cmath>

namespace llm {
namespace {

constexpr int kHeadGroup = 4;                     // query heads that one read of a key serves
constexpr int kValueVectors = kLanes == 16 ? 4 : 2;  // so that the sums stay in registers

// Where each key or value of the span begins.
template <class Element>
void locate(const AttentionQuery& query, const CacheView& view, int64_t first, int64_t last,
            const Element** rows) {
  for (int64_t position = first; position < last; ++position) {
    const int64_t block = query.block_table[position / view.block_size];
    const int64_t slot = block * view.block_size + position % view.block_size;
    rows[position - first] =
        static_cast<const Element*>(view.data) + view.offset(slot, query.key_head);
  }
}

constexpr int64_t kPrefetchKeys = 6;

template <class Element>
void prefetch_row(const Element* row, int64_t size) {
  const char* bytes = reinterpret_cast<const char*>(row);
  for (int64_t i = 0; i < size * int64_t(sizeof(Element)); i += 64) __builtin_prefetch(bytes + i);
}

// While keys are read, later keys and the values are asked for: a sequence's blocks lie anywhere in
// memory, so that the processor cannot foresee them.
template <int kHeads, class Element>
void score(const float* heads, const Element* const* rows, const Element* const* value_rows,
           int64_t count, int64_t size, float* scores) {
  const int64_t whole = size / kLanes * kLanes;
  for (int64_t k = 0; k < count; ++k) {
    prefetch_row(rows[k + kPrefetchKeys < count ? k + kPrefetchKeys : k], size);
    prefetch_row(value_rows[k], size);
    Floats sums[kHeads] = {};
    for (int64_t d = 0; d < whole; d += kLanes) {
      const Floats key = load_floats(rows[k] + d);
      for (int h = 0; h < kHeads; ++h) sums[h] += key * load_floats(heads + h * size + d);
    }
    for (int h = 0; h < kHeads; ++h) {
      float sum = sum_of(sums[h]);
      for (int64_t d = whole; d < size; ++d) sum += to_float(rows[k][d]) * heads[h * size + d];
      scores[h * kSpanKeys + k] = sum;
    }
  }
}

template <int kHeads, int kVectors, class Element>
void weigh(const float* weights, const Element* const* rows, int64_t count, int64_t size, int64_t d,
           float* out) {
  Floats sums[kHeads][kVectors] = {};
  for (int64_t k = 0; k < count; ++k) {
    Floats value[kVectors];
    for (int v = 0; v < kVectors; ++v) value[v] = load_floats(rows[k] + d + v * kLanes);
    for (int h = 0; h < kHeads; ++h) {
      const Floats weight = broadcast(weights[h * kSpanKeys + k]);
      for (int v = 0; v < kVectors; ++v) sums[h][v] += weight * value[v];
    }
  }
  for (int h = 0; h < kHeads; ++h) {
    for (int v = 0; v < kVectors; ++v) store_floats(out + h * size + d + v * kLanes, sums[h][v]);
  }
}

template <int kHeads, class Element>
void weigh_all(const float* weights, const Element* const* rows, int64_t count, int64_t size,
               float* out) {
  int64_t d = 0;
  for (; d + kValueVectors * kLanes <= size; d += kValueVectors * kLanes) {
    weigh<kHeads, kValueVectors>(weights, rows, count, size, d, out);
  }
  for (; d + kLanes <= size; d += kLanes) weigh<kHeads, 1>(weights, rows, count, size, d, out);
  for (; d < size; ++d) {
    for (int h = 0; h < kHeads; ++h) {
      float sum = 0;
      for (int64_t k = 0; k < count; ++k) sum += weights[h * kSpanKeys + k] * to_float(rows[k][d]);
      out[h * size + d] = sum;
    }
  }
}

// Scores become exp(score - largest).
void exponentiate(float* scores, int64_t count, float* largest, float* total) {
  float top = scores[0];
#pragma omp simd reduction(max : top)
  for (int64_t k = 0; k < count; ++k) top = scores[k] > top ? scores[k] : top;
  float sum = 0;
#pragma omp simd reduction(+ : sum)
  for (int64_t k = 0; k < count; ++k) {
    scores[k] = fast_exp(scores[k] - top);
    sum += scores[k];
  }
  *largest = top;
  *total = sum;
}

template <int kHeads, class Element>
void attend_heads(const AttentionQuery& query, int64_t head, const Element* const* keys,
                  const Element* const* values, int64_t count, int64_t size, float* scratch,
                  const AttentionSums& out) {
  score<kHeads>(query.heads + head * size, keys, values, count, size, scratch);
  for (int h = 0; h < kHeads; ++h) {
    exponentiate(scratch + h * kSpanKeys, count, out.largest + head + h, out.total + head + h);
  }
  weigh_all<kHeads>(scratch, values, count, size, out.values + head * size);
}

}  // namespace

template <class Element>
void attend(const AttentionQuery& query, const CacheView& keys, const CacheView& values,
            int64_t first, int64_t last, float* scratch, const AttentionSums& out) {
  const Element* key_rows[kSpanKeys];
  const Element* value_rows[kSpanKeys];
  locate(query, keys, first, last, key_rows);
  locate(query, values, first, last, value_rows);
  const int64_t count = last - first;
  const int64_t size = keys.head_size;
  int64_t head = 0;
  for (; head + kHeadGroup <= query.count; head += kHeadGroup) {
    attend_heads<kHeadGroup>(query, head, key_rows, value_rows, count, size, scratch, out);
  }
  switch (query.count - head) {
    case 3: attend_heads<3>(query, head, key_rows, value_rows, count, size, scratch, out); break;
    case 2: attend_heads<2>(query, head, key_rows, value_rows, count, size, scratch, out); break;
    case 1: attend_heads<1>(query, head, key_rows, value_rows, count, size, scratch, out); break;
    default: break;
  }
}

template void attend<float>(const AttentionQuery&, const CacheView&, const CacheView&, int64_t,
                            int64_t, float*, const AttentionSums&);
template void attend<Bf16>(const AttentionQuery&, const CacheView&, const CacheView&, int64_t,
                           int64_t, float*, const AttentionSums&);

void merge_sums(const AttentionSums& into, const AttentionSums& from, int64_t count,
                int64_t head_size) {
  for (int64_t h = 0; h < count; ++h) {
    const bool empty = into.total[h] == 0;
    const float top = empty ? from.largest[h] : std::max(into.largest[h], from.largest[h]);
    const float old_share = empty ? 0.0f : fast_exp(into.largest[h] - top);
    const float new_share = fast_exp(from.largest[h] - top);
    into.total[h] = into.total[h] * old_share + from.total[h] * new_share;
    into.largest[h] = top;
    float* to = into.values + h * head_size;
    const float* add = from.values + h * head_size;
    for (int64_t d = 0; d < head_size; ++d) {
      to[d] = (empty ? 0.0f : to[d] * old_share) + add[d] * new_share;
    }
  }
}

}  // namespace llm
