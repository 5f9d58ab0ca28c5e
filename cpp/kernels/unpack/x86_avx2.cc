#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include <immintrin.h>

#include "kernels/unpack/unpack.h"

namespace apus {
namespace {

// The four lowest bits of each byte choose a weight in a table that repeats for the bits above the weight's own.
inline void store_weights(__m256i shifted, __m256i table, int8_t* y) {
  const __m256i y8 = _mm256_shuffle_epi8(table, _mm256_and_si256(shifted, _mm256_set1_epi8(15)));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(y), y8);
}

void unpack_four(const uint8_t* x, int64_t groups, int8_t* y) {
  const __m256i table =
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, -8, -7, -6, -5, -4, -3, -2, -1));
  for (int64_t g = 0; g < groups; ++g, x += 32, y += 64) {
    const __m256i x8 = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x));
    store_weights(x8, table, y);
    store_weights(_mm256_srli_epi32(x8, 4), table, y + 32);
  }
}

void unpack_two(const uint8_t* x, int64_t groups, int8_t* y) {
  const __m256i low = _mm256_setr_epi32(0, 0, 0, 0, 2, 2, 2, 2), high = _mm256_setr_epi32(4, 4, 4, 4, 6, 6, 6, 6);
  const __m256i table = _mm256_set1_epi32(static_cast<int>(0xfffe0100));  // 0, 1, -2, -1
  for (int64_t g = 0; g < groups; ++g, x += 16, y += 64) {
    const __m256i repeated = _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
    store_weights(_mm256_srlv_epi32(repeated, low), table, y);
    store_weights(_mm256_srlv_epi32(repeated, high), table, y + 32);
  }
}

}  // namespace

extern const UnpackTable unpack_avx2;
constinit const UnpackTable unpack_avx2 = {Isa::avx2, unpack_four, unpack_two};

}  // namespace apus
