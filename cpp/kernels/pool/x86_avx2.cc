#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include <immintrin.h>

#include "kernels/pool/pairs.inc"

namespace {

void pair_max(const float* a, const float* b, float* y, int64_t n) { pair_max_tail(a, b, y, 0, n); }

// A word holds a pair of neighbours: its high byte shifted onto its low one compares the two.
void pair_max(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    const __m128i va = _mm_loadu_si128(reinterpret_cast<const __m128i*>(a + 2 * i));
    const __m128i vb = _mm_loadu_si128(reinterpret_cast<const __m128i*>(b + 2 * i));
    const __m128i rows = _mm_max_epu8(va, vb), pairs = _mm_max_epu8(rows, _mm_srli_epi16(rows, 8));
    const __m128i low = _mm_and_si128(pairs, _mm_set1_epi16(255));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(y + i), _mm_packus_epi16(low, low));
  }
  pair_max_tail(a, b, y, i, n);
}

}  // namespace

#include "kernels/pool/body.inc"

namespace apus {

extern const PoolTable pool_avx2;
constinit const PoolTable pool_avx2 = make_table(Isa::avx2);

}  // namespace apus
