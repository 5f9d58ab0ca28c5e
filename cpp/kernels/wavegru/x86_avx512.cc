// Bytes widened to 16 bits, so that pairs of products add up exactly.
#if defined(__x86_64__)
#if !defined(__AVX512BW__)
#error "x86_avx512.cc needs -mavx512bw"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/wavegru/body.inc"

namespace apus {
namespace {

void block_s8(const WaveGruMatrix& w, const void* input, float* y, int64_t first, int64_t last) {
  const uint8_t* x = static_cast<const uint8_t*>(input);
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  for (int64_t strip = first; strip < last; ++strip) {
    const WaveGruStrip& s = wavegru_strip(w, strip);
    const int8_t* values = s.groups();
    __m512i low = _mm512_setzero_si512(), high = low;  // two halves of each of eight rows
    for (int64_t g = w.strips[strip]; g < w.strips[strip + 1]; ++g, values += 64) {
      const uint16_t* c = w.columns + 4 * g;
      const uint64_t four = x[c[0]] | static_cast<uint64_t>(x[c[1]]) << 16 | static_cast<uint64_t>(x[c[2]]) << 32 |
                            static_cast<uint64_t>(x[c[3]]) << 48;
      const __m512i factor = _mm512_set1_epi64(static_cast<int64_t>(four));
      const __m256i* bytes = reinterpret_cast<const __m256i*>(values);
      const __m512i first_rows = _mm512_cvtepi8_epi16(_mm256_loadu_si256(bytes));
      const __m512i last_rows = _mm512_cvtepi8_epi16(_mm256_loadu_si256(bytes + 1));
      low = _mm512_add_epi32(low, _mm512_madd_epi16(first_rows, factor));
      high = _mm512_add_epi32(high, _mm512_madd_epi16(last_rows, factor));
    }
    const __m512i halves =
        _mm512_add_epi32(_mm512_permutex2var_epi32(low, even, high), _mm512_permutex2var_epi32(low, odd, high));
    const __m512 sum = _mm512_cvtepi32_ps(_mm512_add_epi32(halves, _mm512_loadu_si512(s.offset)));
    const __m512 scaled = _mm512_mul_ps(sum, _mm512_loadu_ps(s.scale));
    _mm512_storeu_ps(y + 16 * strip, _mm512_add_ps(scaled, _mm512_loadu_ps(s.bias)));
  }
}

}  // namespace

extern const WaveGruTable wavegru_avx512;
constinit const WaveGruTable wavegru_avx512 = make_wavegru_table(Isa::avx512, block_s8);

}  // namespace apus
#endif
