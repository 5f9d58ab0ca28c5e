// float32 by fused multiply-add, two registers being the 16 outputs of a strip.
#if defined(__x86_64__)
#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc is compiled without AVX2 and FMA"
#endif
#include <immintrin.h>

#include "kernels/linear_dense/kernel.h"

namespace apus {
namespace {

// Twelve of 16 registers are sums. The last strip goes through an array, as it may be narrower.
template <int R>
void tile(const DenseArguments& a, int64_t row, int64_t strip) {
  const char* const first = static_cast<const char*>(a.x) + row * a.x_row;
  const float* w = static_cast<const float*>(a.values) + strip * a.runs * a.groups * kStrip;
  const float* bias = static_cast<const float*>(a.bias) + strip * kStrip;
  const int64_t x_row = a.x_row;
  __m256 s[R][2];
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r) s[r][0] = _mm256_loadu_ps(bias), s[r][1] = _mm256_loadu_ps(bias + 8);
  for (int64_t run = 0; run < a.runs; ++run) {
    const char* x = first + run * a.x_run;
    for (int64_t g = a.groups; g > 0; --g, w += kStrip, x += 4) {
      const __m256 left = _mm256_loadu_ps(w), right = _mm256_loadu_ps(w + 8);
#pragma GCC unroll 6
      for (int r = 0; r < R; ++r) {
        const __m256 found = _mm256_broadcast_ss(reinterpret_cast<const float*>(x + r * x_row));
        s[r][0] = _mm256_fmadd_ps(left, found, s[r][0]);
        s[r][1] = _mm256_fmadd_ps(right, found, s[r][1]);
      }
    }
  }
  const __m256 low = _mm256_set1_ps(a.low), high = _mm256_set1_ps(a.high);
  const int outputs = strip + 1 < a.strip_count ? kStrip : a.last_outputs;
  float* y = static_cast<float*>(a.y) + row * a.y_row + strip * kStrip;
#pragma GCC unroll 6
  for (int r = 0; r < R; ++r, y += a.y_row) {
    alignas(32) float last[kStrip];
    float* to = outputs == kStrip ? y : last;
    _mm256_storeu_ps(to, _mm256_min_ps(high, _mm256_max_ps(low, s[r][0])));  // NaN stays NaN
    _mm256_storeu_ps(to + 8, _mm256_min_ps(high, _mm256_max_ps(low, s[r][1])));
    for (int i = 0; i < outputs && to == last; ++i) y[i] = last[i];
  }
}

template <int R>
inline void run_rows(const DenseArguments& a, int64_t row) {
  for (int64_t strip = 0; strip < a.strip_count; ++strip) tile<R>(a, row, strip);
}

}  // namespace

void linear_dense_f32_f32_avx2(const DenseArguments& a) {
  int64_t row = 0;
  for (; row + kTileRows <= a.rows; row += kTileRows) run_rows<kTileRows>(a, row);
  switch (a.rows - row) {
    case 1:
      return run_rows<1>(a, row);
    case 2:
      return run_rows<2>(a, row);
    case 3:
      return run_rows<3>(a, row);
    case 4:
      return run_rows<4>(a, row);
    case 5:
      return run_rows<5>(a, row);
    default:
      return;
  }
}

}  // namespace apus
#endif
