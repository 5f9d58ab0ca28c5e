// Tiles of 12 rows x 32 columns in 24 registers: two loads of b and 12 broadcasts of a for 24 multiply-adds.
#if defined(__x86_64__)
#if !defined(__AVX512F__)
#error "x86_avx512.cc is compiled without AVX-512 F"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/matmul/matmul.h"

namespace apus {
namespace {

constexpr int64_t kColumns = 32;

// y[0..R, 0..32) of the columns in the masks. `a` and `y` point at the tile, `b` at its columns.
template <int R>
inline void tile(const MatmulArguments& p, const float* a, const float* b, float* y, __mmask16 m0, __mmask16 m1) {
  __m512 sum[R][2];
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm512_setzero_ps();
  for (int64_t k = 0; k < p.k; ++k, b += p.b_pitch) {
    const __m512 b0 = _mm512_maskz_loadu_ps(m0, b), b1 = _mm512_maskz_loadu_ps(m1, b + 16);
#pragma GCC unroll 16
    for (int r = 0; r < R; ++r) {
      const __m512 factor = _mm512_set1_ps(a[r * p.a_pitch + k]);
      sum[r][0] = _mm512_fmadd_ps(factor, b0, sum[r][0]);
      sum[r][1] = _mm512_fmadd_ps(factor, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; ++r) {
    _mm512_mask_storeu_ps(y + r * p.y_pitch, m0, sum[r][0]);
    _mm512_mask_storeu_ps(y + r * p.y_pitch + 16, m1, sum[r][1]);
  }
}

inline __mmask16 mask(int64_t columns) {
  return columns >= 16 ? 0xFFFF : columns <= 0 ? 0 : static_cast<__mmask16>((1u << columns) - 1);
}

template <int R>
int64_t rows(const MatmulArguments& p, int64_t row) {
  for (; row + R <= p.m; row += R) {
    for (int64_t n = 0; n < p.n; n += kColumns) {
      tile<R>(p, p.a + row * p.a_pitch, p.b + n, p.y + row * p.y_pitch + n, mask(p.n - n), mask(p.n - n - 16));
    }
  }
  return row;
}

}  // namespace

void matmul_f32_avx512(const MatmulArguments& p) {
  const int64_t row = rows<12>(p, 0);
  rows<1>(p, rows<4>(p, row));
}

}  // namespace apus
#endif
