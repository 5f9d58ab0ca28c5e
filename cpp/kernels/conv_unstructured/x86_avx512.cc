// float32 by fused multiply-add: a weight is broadcast to 16 positions, or 32.
#if defined(__x86_64__)
#if !defined(__AVX512F__) || !defined(__AVX512VL__)
#error "x86_avx512.cc is compiled without AVX-512 F and VL"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/unstructured/single.h"

namespace apus {
namespace {

#define INLINE inline __attribute__((always_inline))

template <int V>
struct Sums {
  __m512 v[V];
};

// Four chains, for a fused multiply-add takes four cycles. Weights beyond the last four go to the first chain, whatever
// V: a position's sum does not depend on who its neighbours are.
template <int V>
INLINE Sums<V> sums_of(const SingleArguments& a, int64_t row) {
  __m512 s[4][V];
#pragma GCC unroll 4
  for (int chain = 0; chain < 4; ++chain) {
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) s[chain][v] = chain == 0 ? _mm512_set1_ps(a.bias[row]) : _mm512_setzero_ps();
  }
  const uint32_t last = a.rows[row + 1];
  uint32_t i = a.rows[row];
  const auto add = [&](int chain, uint32_t at) __attribute__((always_inline)) {
    const __m512 weight = _mm512_set1_ps(a.values[at]);
    const float* x = a.x + a.offsets[at];
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) s[chain][v] = _mm512_fmadd_ps(weight, _mm512_loadu_ps(x + 16 * v), s[chain][v]);
  };
  for (; i + 4 <= last; i += 4) {
#pragma GCC unroll 4
    for (int chain = 0; chain < 4; ++chain) add(chain, i + static_cast<uint32_t>(chain));
  }
  for (; i < last; ++i) add(0, i);
  Sums<V> all;
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) {
    const __m512 sum = _mm512_add_ps(_mm512_add_ps(s[0][v], s[1][v]), _mm512_add_ps(s[2][v], s[3][v]));
    all.v[v] = _mm512_min_ps(_mm512_set1_ps(a.high), _mm512_max_ps(_mm512_set1_ps(a.low), sum));  // NaN stays NaN
  }
  return all;
}

template <int V>
INLINE void sum_row(const SingleArguments& a, int64_t row, float* to) {
  const Sums<V> sums = sums_of<V>(a, row);
#pragma GCC unroll 2
  for (int v = 0; v < V; ++v) _mm512_store_ps(to + 16 * v, sums.v[v]);
}

#include "kernels/conv_unstructured/rows.inc"

INLINE void put(float* y, __m512 f, const PositionVector& vector) {
  if (vector.keep == 0xFFFF) return _mm512_storeu_ps(y, f);
  const __mmask16 stored = static_cast<__mmask16>((1u << vector.count) - 1);
  _mm512_mask_storeu_ps(y, stored, _mm512_maskz_compress_ps(static_cast<__mmask16>(vector.keep), f));
}

template <int V>
INLINE void run_planes(const SingleArguments& a) {
  for (int64_t row = 0; row < a.count; ++row) {
    const Sums<V> sums = sums_of<V>(a, row);
#pragma GCC unroll 2
    for (int v = 0; v < V; ++v) put(a.y + row * a.y_row + a.vectors[v].y, sums.v[v], a.vectors[v]);
  }
}

}  // namespace

void conv_unstructured_f32_avx512(const SingleArguments& given) {
  const SingleArguments a = given;  // which no float stored can change
  a.vector_count == 1 ? run_planes<1>(a) : run_planes<2>(a);
}

void linear_unstructured_planes_f32_avx512(const SingleArguments& given) {
  const SingleArguments a = given;
  a.vector_count == 1 ? run_rows<1>(a) : run_rows<2>(a);
}

}  // namespace apus
#endif
