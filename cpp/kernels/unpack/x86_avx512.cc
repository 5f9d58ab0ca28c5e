#if !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "x86_avx512.cc needs -mavx512bw -mavx512vl"
#endif
#include <immintrin.h>

#include "kernels/unpack/unpack.h"

namespace apus {
namespace {

// A group's bytes in every part of a vector, shifted there by the part's bits: the four lowest bits of a byte then
// choose its weight in a table that repeats for the bits above the weight's own.
inline __m512i weights(__m512i repeated, __m512i shifts, __m512i table) {
  const __m512i shifted = _mm512_srlv_epi32(repeated, shifts);
  return _mm512_shuffle_epi8(table, _mm512_and_si512(shifted, _mm512_set1_epi8(15)));
}

void unpack_four(const uint8_t* x, int64_t groups, int8_t* y) {
  const __m512i shifts = _mm512_setr_epi32(0, 0, 0, 0, 0, 0, 0, 0, 4, 4, 4, 4, 4, 4, 4, 4);
  const __m512i table = _mm512_broadcast_i32x4(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1));
  for (int64_t g = 0; g < groups; ++g, x += 32, y += 64) {
    const __m512i repeated = _mm512_broadcast_i64x4(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(x)));
    _mm512_storeu_si512(y, weights(repeated, shifts, table));
  }
}

void unpack_two(const uint8_t* x, int64_t groups, int8_t* y) {
  const __m512i shifts = _mm512_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2, 4, 4, 4, 4, 6, 6, 6, 6);
  const __m512i table = _mm512_set1_epi32(static_cast<int>(0xfffe0100));  // 0, 1, -2, -1
  for (int64_t g = 0; g < groups; ++g, x += 16, y += 64) {
    const __m512i repeated = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
    _mm512_storeu_si512(y, weights(repeated, shifts, table));
  }
}

}  // namespace

extern const UnpackTable unpack_avx512;
constinit const UnpackTable unpack_avx512 = {Isa::avx512, unpack_four, unpack_two};

}  // namespace apus
