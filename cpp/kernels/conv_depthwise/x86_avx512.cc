// float32 by fused multiply-add, and uint8 x int8 widened to int16 pairs for CPUs without VNNI: sums are exact.
#if defined(__x86_64__)
#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512DQ__) || !defined(__AVX512VL__)
#error "x86_avx512.cc is compiled without AVX-512 F, BW, DQ and VL"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/conv_depthwise/x86_avx512_store.inc"

struct AddFloats {
  using Sum = __m512;

  template <int N>
  static INLINE void add(const StripArguments& a, const PositionVector* vectors, __m512 (&sums)[N]) {
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) sums[i] = _mm512_set1_ps(*static_cast<const float*>(a.bias));
    for (int64_t tap = 0; tap < a.groups; ++tap) {
      const __m512 weight = _mm512_set1_ps(static_cast<const float*>(a.values)[tap]);
      const float* x = static_cast<const float*>(a.x) + a.offsets[tap];
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) sums[i] = _mm512_fmadd_ps(weight, _mm512_loadu_ps(x + vectors[i].x), sums[i]);
    }
  }
};

// Two taps at 16 positions as int16 pairs.
INLINE __m512i pairs(const uint8_t* x, const int32_t* offsets) {
  const __m128i t0 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + offsets[0]));
  const __m128i t1 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + offsets[1]));
  return _mm512_cvtepu8_epi16(_mm256_set_m128i(_mm_unpackhi_epi8(t0, t1), _mm_unpacklo_epi8(t0, t1)));
}

struct AddBytes {
  using Sum = __m512i;

  template <int N>
  static INLINE void add(const StripArguments& a, const PositionVector* vectors, __m512i (&sums)[N]) {
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) sums[i] = _mm512_set1_epi32(*static_cast<const int32_t*>(a.bias));
    for (int64_t pair = 0; pair < a.groups * 2; ++pair) {
      int32_t two;
      __builtin_memcpy(&two, static_cast<const int16_t*>(a.values) + 2 * pair, 4);
      const __m512i weights = _mm512_set1_epi32(two);
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) {
        const __m512i x = pairs(static_cast<const uint8_t*>(a.x) + vectors[i].x, a.offsets + 2 * pair);
        sums[i] = _mm512_add_epi32(sums[i], _mm512_madd_epi16(x, weights));
      }
    }
  }
};

}  // namespace

void conv_depthwise_f32_f32_avx512(const StripArguments& a) { run<AddFloats, float>(a); }
void conv_depthwise_u8_u8_avx512(const StripArguments& a) { run<AddBytes, uint8_t>(a); }
void conv_depthwise_u8_f32_avx512(const StripArguments& a) { run<AddBytes, float>(a); }

}  // namespace apus
#endif
