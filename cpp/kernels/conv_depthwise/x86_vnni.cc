// uint8 x int8 by vpdpbusd, a register being 16 positions and its four bytes four taps: sums are exact.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512VBMI__)
#error "x86_vnni.cc is compiled without AVX-512 VNNI and VBMI"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/conv_depthwise/x86_avx512_store.inc"

INLINE __m128i load(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// 16 positions of four taps, [position][tap].
INLINE __m512i interleaved(const uint8_t* x, const int32_t* offsets, __m512i order) {
  const __m256i c01 = _mm256_inserti128_si256(_mm256_castsi128_si256(load(x + offsets[0])), load(x + offsets[1]), 1);
  const __m256i c23 = _mm256_inserti128_si256(_mm256_castsi128_si256(load(x + offsets[2])), load(x + offsets[3]), 1);
  return _mm512_permutex2var_epi8(_mm512_castsi256_si512(c01), order, _mm512_castsi256_si512(c23));
}

INLINE __m512i accumulate(const StripArguments& a, const uint8_t* x) {
  const __m512i position = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i repeated = _mm512_mullo_epi32(position, _mm512_set1_epi32(0x01010101));
  const __m512i order = _mm512_add_epi8(repeated, _mm512_set1_epi32(0x50401000));
  __m512i sums = _mm512_set1_epi32(*static_cast<const int32_t*>(a.bias));
  for (int64_t g = 0; g < a.groups; ++g) {
    int32_t weights;
    __builtin_memcpy(&weights, static_cast<const int8_t*>(a.values) + 4 * g, 4);
    sums = _mm512_dpbusd_epi32(sums, interleaved(x, a.offsets + 4 * g, order), _mm512_set1_epi32(weights));
  }
  return sums;
}

}  // namespace

void conv_depthwise_u8_u8_vnni(const StripArguments& a) { run_u8<accumulate, uint8_t>(a); }
void conv_depthwise_u8_f32_vnni(const StripArguments& a) { run_u8<accumulate, float>(a); }

}  // namespace apus
#endif
