// Tiles of 6 rows x 16 columns in 12 registers: two loads of b and 6 broadcasts of a for 12 multiply-adds.
#if defined(__x86_64__)
#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc is compiled without AVX2 and FMA"
#endif
#include <immintrin.h>

#include "kernels/matmul/matmul.h"

namespace apus {
namespace {

constexpr int64_t kColumns = 16;

inline __m256i mask(int64_t columns) {
  const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  const int count = columns < 0 ? 0 : columns > 8 ? 8 : static_cast<int>(columns);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(count), lanes);
}

// y[0..R, 0..16) of the columns in the masks. `a` and `y` point at the tile, `b` at its columns.
template <int R>
inline void tile(const MatmulArguments& p, const float* a, const float* b, float* y, __m256i m0, __m256i m1) {
  __m256 sum[R][2];
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) sum[r][0] = sum[r][1] = _mm256_setzero_ps();
  for (int64_t k = 0; k < p.k; ++k, b += p.b_pitch) {
    const __m256 b0 = _mm256_maskload_ps(b, m0), b1 = _mm256_maskload_ps(b + 8, m1);
#pragma GCC unroll 8
    for (int r = 0; r < R; ++r) {
      const __m256 factor = _mm256_broadcast_ss(a + r * p.a_pitch + k);
      sum[r][0] = _mm256_fmadd_ps(factor, b0, sum[r][0]);
      sum[r][1] = _mm256_fmadd_ps(factor, b1, sum[r][1]);
    }
  }
#pragma GCC unroll 8
  for (int r = 0; r < R; ++r) {
    _mm256_maskstore_ps(y + r * p.y_pitch, m0, sum[r][0]);
    _mm256_maskstore_ps(y + r * p.y_pitch + 8, m1, sum[r][1]);
  }
}

template <int R>
int64_t rows(const MatmulArguments& p, int64_t row) {
  for (; row + R <= p.m; row += R) {
    for (int64_t n = 0; n < p.n; n += kColumns) {
      tile<R>(p, p.a + row * p.a_pitch, p.b + n, p.y + row * p.y_pitch + n, mask(p.n - n), mask(p.n - n - 8));
    }
  }
  return row;
}

}  // namespace

void matmul_f32_avx2(const MatmulArguments& p) {
  const int64_t row = rows<6>(p, 0);
  rows<1>(p, row);
}

}  // namespace apus
#endif
