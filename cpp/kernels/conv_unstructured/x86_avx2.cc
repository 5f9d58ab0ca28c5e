// float32 by fused multiply-add: a weight is broadcast to 16 positions, or 32, in halves of 8.
#if defined(__x86_64__)
#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc is compiled without AVX2 and FMA"
#endif
#include <immintrin.h>

#include "kernels/unstructured/single.h"

namespace apus {
namespace {

#define INLINE inline __attribute__((always_inline))

// Two chains. A weight beyond the last two goes to the first, whatever V.
template <int V>
INLINE void sum_row(const SingleArguments& a, int64_t row, float* to) {
  constexpr int kHalves = 2 * V;
  __m256 s[2][kHalves];
#pragma GCC unroll 4
  for (int h = 0; h < kHalves; ++h) s[0][h] = _mm256_set1_ps(a.bias[row]), s[1][h] = _mm256_setzero_ps();
  const uint32_t last = a.rows[row + 1];
  uint32_t i = a.rows[row];
  const auto add = [&](int chain, uint32_t at) __attribute__((always_inline)) {
    const __m256 weight = _mm256_broadcast_ss(a.values + at);
    const float* x = a.x + a.offsets[at];
#pragma GCC unroll 4
    for (int h = 0; h < kHalves; ++h) s[chain][h] = _mm256_fmadd_ps(weight, _mm256_loadu_ps(x + 8 * h), s[chain][h]);
  };
  for (; i + 2 <= last; i += 2) add(0, i), add(1, i + 1);
  if (i < last) add(0, i);
#pragma GCC unroll 4
  for (int h = 0; h < kHalves; ++h) {
    const __m256 sum = _mm256_add_ps(s[0][h], s[1][h]);
    _mm256_store_ps(to + 8 * h, _mm256_min_ps(_mm256_set1_ps(a.high), _mm256_max_ps(_mm256_set1_ps(a.low), sum)));
  }
}

#include "kernels/conv_unstructured/rows.inc"

INLINE void put(float* y, const float* from, const PositionVector& vector) {
  if (vector.keep == 0xFFFF) {
    _mm256_storeu_ps(y, _mm256_load_ps(from));
    _mm256_storeu_ps(y + 8, _mm256_load_ps(from + 8));
    return;
  }
  for (int i = 0; i < kVector; ++i)
    if (vector.keep >> i & 1) *y++ = from[i];
}

template <int V>
INLINE void run_planes(const SingleArguments& a) {
  alignas(64) float tile[kTile];
  for (int64_t row = 0; row < a.count; ++row) {
    sum_row<V>(a, row, tile);
    for (int v = 0; v < V; ++v) put(a.y + row * a.y_row + a.vectors[v].y, tile + v * kVector, a.vectors[v]);
  }
}

}  // namespace

void conv_unstructured_f32_avx2(const SingleArguments& given) {
  const SingleArguments a = given;  // which no float stored can change
  a.vector_count == 1 ? run_planes<1>(a) : run_planes<2>(a);
}

void linear_unstructured_planes_f32_avx2(const SingleArguments& given) {
  const SingleArguments a = given;
  a.vector_count == 1 ? run_rows<1>(a) : run_rows<2>(a);
}

}  // namespace apus
#endif
