#if !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "x86_avx512.cc needs -mavx512bw -mavx512vl"
#endif
#include <immintrin.h>

#include <cstdint>

namespace {

// max_ps gives its second operand if either is NaN, so where the first is NaN it must be put back.
inline __m512 larger(__m512 a, __m512 b) {
  return _mm512_mask_mov_ps(_mm512_max_ps(a, b), _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q), a);
}

void pair_max(const float* a, const float* b, float* y, int64_t n) {
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  for (int64_t i = 0; i < n; i += 16) {
    const int64_t left = n - i < 16 ? n - i : 16;
    const uint64_t inputs = (uint64_t{1} << (2 * left)) - 1;
    const __mmask16 low = static_cast<__mmask16>(inputs), high = static_cast<__mmask16>(inputs >> 16);
    const __m512 row0 = larger(_mm512_maskz_loadu_ps(low, a + 2 * i), _mm512_maskz_loadu_ps(low, b + 2 * i));
    const __m512 row1 =
        larger(_mm512_maskz_loadu_ps(high, a + 2 * i + 16), _mm512_maskz_loadu_ps(high, b + 2 * i + 16));
    const __m512 best = larger(_mm512_permutex2var_ps(row0, even, row1), _mm512_permutex2var_ps(row0, odd, row1));
    _mm512_mask_storeu_ps(y + i, static_cast<__mmask16>((1u << left) - 1), best);
  }
}

// A word holds a pair of neighbours: its high byte shifted onto its low one compares the two.
void pair_max(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
  for (int64_t i = 0; i < n; i += 32) {
    const int64_t left = n - i < 32 ? n - i : 32;
    const __mmask32 outputs = static_cast<__mmask32>((uint64_t{1} << left) - 1);
    const __mmask64 inputs = left == 32 ? ~uint64_t{0} : (uint64_t{1} << (2 * left)) - 1;
    const __m512i rows =
        _mm512_max_epu8(_mm512_maskz_loadu_epi8(inputs, a + 2 * i), _mm512_maskz_loadu_epi8(inputs, b + 2 * i));
    const __m512i pairs = _mm512_max_epu8(rows, _mm512_srli_epi16(rows, 8));
    _mm256_mask_storeu_epi8(y + i, outputs, _mm512_cvtepi16_epi8(pairs));
  }
}

}  // namespace

#include "kernels/pool/body.inc"

namespace apus {

extern const PoolTable pool_avx512;
constinit const PoolTable pool_avx512 = make_table(Isa::avx512);

}  // namespace apus
