// Bytes widened to 16 bits, so that pairs of products add up exactly.
#if defined(__x86_64__)
#if !defined(__AVX2__)
#error "x86_avx2.cc is compiled without AVX2"
#endif
#include <immintrin.h>

#include "kernels/wavegru/body.inc"

namespace apus {
namespace {

void block_s8(const WaveGruMatrix& w, const void* input, float* y, int64_t first, int64_t last) {
  const uint8_t* x = static_cast<const uint8_t*>(input);
  for (int64_t strip = first; strip < last; ++strip) {
    const WaveGruStrip& s = wavegru_strip(w, strip);
    const int8_t* values = s.groups();
    __m256i sums[4] = {};  // two halves of each of four rows
    for (int64_t g = w.strips[strip]; g < w.strips[strip + 1]; ++g, values += 64) {
      const uint16_t* c = w.columns + 4 * g;
      const uint64_t four = x[c[0]] | static_cast<uint64_t>(x[c[1]]) << 16 | static_cast<uint64_t>(x[c[2]]) << 32 |
                            static_cast<uint64_t>(x[c[3]]) << 48;
      const __m256i factor = _mm256_set1_epi64x(static_cast<int64_t>(four));
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(values + 16 * i));
        sums[i] = _mm256_add_epi32(sums[i], _mm256_madd_epi16(_mm256_cvtepi8_epi16(bytes), factor));
      }
    }
    for (int i = 0; i < 4; i += 2) {
      const __m256i mixed = _mm256_hadd_epi32(sums[i], sums[i + 1]);  // rows 0 1 4 5 2 3 6 7
      const __m256i rows = _mm256_permute4x64_epi64(mixed, 0xD8);
      const __m256i offset = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(s.offset + 4 * i));
      const __m256 sum = _mm256_cvtepi32_ps(_mm256_add_epi32(rows, offset));
      const __m256 scaled = _mm256_mul_ps(sum, _mm256_loadu_ps(s.scale + 4 * i));
      _mm256_storeu_ps(y + 16 * strip + 4 * i, _mm256_add_ps(scaled, _mm256_loadu_ps(s.bias + 4 * i)));
    }
  }
}

}  // namespace

extern const WaveGruTable wavegru_avx2;
constinit const WaveGruTable wavegru_avx2 = make_wavegru_table(Isa::avx2, block_s8);

}  // namespace apus
#endif
