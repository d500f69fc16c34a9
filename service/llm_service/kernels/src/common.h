// Number types and small vectorisable helpers that all kernels share.
//
// Every source file is compiled once for each instruction set (see build.py), so that plain loops
// and GCC's vector types become the widest instructions of that set.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace llm {

#if defined(__AVX512F__)
constexpr int kLanes = 16;
#elif defined(__AVX2__)
constexpr int kLanes = 8;
#else
constexpr int kLanes = 4;
#endif

typedef float Floats __attribute__((vector_size(kLanes * 4), may_alias, aligned(4)));
typedef uint32_t Words __attribute__((vector_size(kLanes * 4), may_alias, aligned(4)));
typedef int32_t Ints __attribute__((vector_size(kLanes * 4), may_alias, aligned(4)));

// The upper half of a 32-bit float.
struct Bf16 {
  uint16_t bits;
};

template <class To, class From>
inline To bit_cast(From from) {
  static_assert(sizeof(To) == sizeof(From), "bit_cast keeps the size");
  To to;
  std::memcpy(&to, &from, sizeof(to));
  return to;
}

inline float to_float(float x) { return x; }
inline float to_float(Bf16 x) { return bit_cast<float>(uint32_t(x.bits) << 16); }

inline void store_as(float* to, float x) { *to = x; }
inline void store_as(Bf16* to, float x) {
  // To nearest, ties to even. A NaN stays one: rounding up its mantissa could make it a zero.
  const uint32_t bits = bit_cast<uint32_t>(x);
  const uint32_t rounded = (bits + 0x7fff + ((bits >> 16) & 1)) >> 16;
  to->bits = uint16_t((bits & 0x7fffffff) > 0x7f800000 ? 0x7fc0 : rounded);
}

inline Floats broadcast(float x) { return x - Floats{}; }

inline Floats load_floats(const float* from) {
  Floats out;
  std::memcpy(&out, from, sizeof(out));
  return out;
}
inline Floats load_floats(const Bf16* from) {
  typedef uint16_t Halves __attribute__((vector_size(kLanes * 2)));
  Halves half;
  std::memcpy(&half, from, sizeof(half));
  const Words word = __builtin_convertvector(half, Words) << 16;
  return bit_cast<Floats>(word);
}
inline void store_floats(float* to, Floats x) { std::memcpy(to, &x, sizeof(x)); }

// The sum of n floats as a tree, which has a quarter of the latency of one after the other.
template <int n>
inline float sum_of_lanes(const float* x) {
  if constexpr (n == 1) {
    return x[0];
  } else {
    typedef float Half __attribute__((vector_size(n * 2)));
    Half low;
    Half high;
    std::memcpy(&low, x, sizeof(low));
    std::memcpy(&high, x + n / 2, sizeof(high));
    low += high;
    return sum_of_lanes<n / 2>(reinterpret_cast<const float*>(&low));
  }
}
inline float sum_of(Floats x) { return sum_of_lanes<kLanes>(reinterpret_cast<const float*>(&x)); }

// exp within 2 units of the last place over the range of normal floats; a NaN stays one.
inline float fast_exp(float x) {
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  constexpr float kRound = 12582912.0f;  // 1.5 * 2^23: adding it leaves the integer in the mantissa
  const float shifted = x * 1.44269504f + kRound;
  const float n = shifted - kRound;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const uint32_t power = (bit_cast<uint32_t>(shifted) - bit_cast<uint32_t>(kRound) + 127u) << 23;
  return p * bit_cast<float>(power);
}

inline int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

}  // namespace llm
