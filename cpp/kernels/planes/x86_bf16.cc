// Rows of float32 to planes of bfloat16: rounded first, then turned over by words.
#if defined(__x86_64__)
#if !defined(__AVX512BF16__) || !defined(__AVX512BW__)
#error "x86_bf16.cc is compiled without AVX-512 BF16"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/planes/transpose.h"

namespace apus {
namespace {

#define INLINE inline __attribute__((always_inline))

// 32 columns of a row, those from `columns` on zero.
INLINE __m512i rounded(const float* x, int64_t columns) {
  const __mmask16 low = static_cast<__mmask16>(columns >= 16 ? 0xFFFF : (1u << columns) - 1);
  const __mmask16 high = static_cast<__mmask16>(columns >= 32   ? 0xFFFF
                                                : columns <= 16 ? 0
                                                                : (1u << (columns - 16)) - 1);
  return (__m512i)_mm512_cvtne2ps_pbh(_mm512_maskz_loadu_ps(high, x + 16), _mm512_maskz_loadu_ps(low, x));
}

// Within lanes, 8 rows of words: v[j] then holds the columns 8 l + j, one in each lane l.
INLINE void turn(__m512i (&v)[8]) {
  __m512i a[8], b[8];
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    a[2 * i] = _mm512_unpacklo_epi16(v[i], v[i + 4]), a[2 * i + 1] = _mm512_unpackhi_epi16(v[i], v[i + 4]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    b[2 * i] = _mm512_unpacklo_epi16(a[i], a[i + 4]), b[2 * i + 1] = _mm512_unpackhi_epi16(a[i], a[i + 4]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) {
    v[2 * i] = _mm512_unpacklo_epi16(b[i], b[i + 4]), v[2 * i + 1] = _mm512_unpackhi_epi16(b[i], b[i + 4]);
  }
}

INLINE void put(uint16_t* planes, int64_t pitch, int64_t column, int64_t columns, __m256i rows) {
  if (column < columns) _mm256_storeu_si256(reinterpret_cast<__m256i*>(planes + column * pitch), rows);
}

// 16 rows x up to 32 columns. Rows past the last one are the last one again.
INLINE void tile(const float* x, uint16_t* planes, int64_t pitch, int64_t rows, int64_t stride, int64_t columns) {
  __m512i v[2][8];
#pragma GCC unroll 16
  for (int i = 0; i < 16; ++i) v[i / 8][i % 8] = rounded(x + (i < rows ? i : rows - 1) * stride, columns);
  turn(v[0]), turn(v[1]);
  const __m512i low = _mm512_setr_epi64(0, 1, 8, 9, 2, 3, 10, 11), high = _mm512_setr_epi64(4, 5, 12, 13, 6, 7, 14, 15);
#pragma GCC unroll 8
  for (int j = 0; j < 8; ++j) {
    const __m512i first = _mm512_permutex2var_epi64(v[0][j], low, v[1][j]);
    const __m512i second = _mm512_permutex2var_epi64(v[0][j], high, v[1][j]);
    put(planes, pitch, j, columns, _mm512_castsi512_si256(first));
    put(planes, pitch, j + 8, columns, _mm512_extracti64x4_epi64(first, 1));
    put(planes, pitch, j + 16, columns, _mm512_castsi512_si256(second));
    put(planes, pitch, j + 24, columns, _mm512_extracti64x4_epi64(second, 1));
  }
}

}  // namespace

void transpose_to_planes(const float* x, uint16_t* planes, int64_t pitch, int64_t rows, int64_t columns, int64_t first,
                         int64_t last) {
  for (int64_t k = first; k < last; k += 32) {
    for (int64_t row = 0; row < rows; row += 16)
      tile(x + row * columns + k, planes + k * pitch + row, pitch, rows - row, columns, last - k < 32 ? last - k : 32);
  }
}

}  // namespace apus
#endif
