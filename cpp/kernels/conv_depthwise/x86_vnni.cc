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

struct AddBytes {
  using Sum = __m512i;

  template <int N>
  static INLINE void add(const StripArguments& a, const PositionVector* vectors, __m512i (&sums)[N]) {
    const __m512i position = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i repeated = _mm512_mullo_epi32(position, _mm512_set1_epi32(0x01010101));
    const __m512i order = _mm512_add_epi8(repeated, _mm512_set1_epi32(0x50401000));
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) sums[i] = _mm512_set1_epi32(*static_cast<const int32_t*>(a.bias));
    for (int64_t g = 0; g < a.groups; ++g) {
      int32_t four;
      __builtin_memcpy(&four, static_cast<const int8_t*>(a.values) + 4 * g, 4);
      const __m512i weights = _mm512_set1_epi32(four);
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) {
        const uint8_t* x = static_cast<const uint8_t*>(a.x) + vectors[i].x;
        sums[i] = _mm512_dpbusd_epi32(sums[i], interleaved(x, a.offsets + 4 * g, order), weights);
      }
    }
  }
};

}  // namespace

void conv_depthwise_u8_u8_vnni(const StripArguments& a) { run<AddBytes, uint8_t>(a); }
void conv_depthwise_u8_f32_vnni(const StripArguments& a) { run<AddBytes, float>(a); }

}  // namespace apus
#endif
