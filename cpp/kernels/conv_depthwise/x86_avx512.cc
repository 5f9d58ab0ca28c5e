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

INLINE __m512 accumulate_f32(const StripArguments& a, const float* x) {
  const float* w = static_cast<const float*>(a.values);
  __m512 sum = _mm512_set1_ps(*static_cast<const float*>(a.bias));
  for (int64_t tap = 0; tap < a.groups; ++tap) {
    sum = _mm512_fmadd_ps(_mm512_set1_ps(w[tap]), _mm512_loadu_ps(x + a.offsets[tap]), sum);
  }
  return sum;
}

// Two taps at 16 positions as int16 pairs.
INLINE __m512i pairs(const uint8_t* x, const int32_t* offsets) {
  const __m128i t0 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + offsets[0]));
  const __m128i t1 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + offsets[1]));
  return _mm512_cvtepu8_epi16(_mm256_set_m128i(_mm_unpackhi_epi8(t0, t1), _mm_unpacklo_epi8(t0, t1)));
}

INLINE __m512i accumulate_u8(const StripArguments& a, const uint8_t* x) {
  __m512i sums = _mm512_set1_epi32(*static_cast<const int32_t*>(a.bias));
  for (int64_t pair = 0; pair < a.groups * 2; ++pair) {
    int32_t weights;
    __builtin_memcpy(&weights, static_cast<const int16_t*>(a.values) + 2 * pair, 4);
    const __m512i products = _mm512_madd_epi16(pairs(x, a.offsets + 2 * pair), _mm512_set1_epi32(weights));
    sums = _mm512_add_epi32(sums, products);
  }
  return sums;
}

}  // namespace

void conv_depthwise_f32_f32_avx512(const StripArguments& a) {
  for (int64_t v = 0; v < a.vector_count; ++v) {
    const __m512 sum = accumulate_f32(a, static_cast<const float*>(a.x) + a.vectors[v].x);
    store(sum, a, a.vectors[v], static_cast<float*>(a.y) + a.vectors[v].y);
  }
}

void conv_depthwise_u8_u8_avx512(const StripArguments& a) { run_u8<accumulate_u8, uint8_t>(a); }
void conv_depthwise_u8_f32_avx512(const StripArguments& a) { run_u8<accumulate_u8, float>(a); }

}  // namespace apus
#endif
