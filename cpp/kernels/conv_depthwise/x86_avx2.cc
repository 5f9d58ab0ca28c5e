// float32 by fused multiply-add, and uint8 x int8 widened to int16 pairs (vpmaddubsw would saturate): sums are exact.
#if defined(__x86_64__)
#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc is compiled without AVX2 and FMA"
#endif
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#define INLINE inline __attribute__((always_inline))

struct Results {
  alignas(32) float at[kVector];
};

INLINE __m256 sum_taps(const StripArguments& a, const float* x) {
  const float* w = static_cast<const float*>(a.values);
  __m256 sum = _mm256_broadcast_ss(static_cast<const float*>(a.bias));
  for (int64_t tap = 0; tap < a.groups; ++tap) {
    sum = _mm256_fmadd_ps(_mm256_broadcast_ss(w + tap), _mm256_loadu_ps(x + a.offsets[tap]), sum);
  }
  return sum;
}

// Two taps at 8 positions as int16 pairs.
INLINE __m256i pairs(const uint8_t* x, const int32_t* offsets) {
  const __m128i t0 = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + offsets[0]));
  const __m128i t1 = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + offsets[1]));
  return _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(t0, t1));
}

INLINE __m256 sum_taps(const StripArguments& a, const uint8_t* x) {
  __m256i sums = _mm256_set1_epi32(*static_cast<const int32_t*>(a.bias));
  for (int64_t pair = 0; pair < a.groups * 2; ++pair) {
    int32_t weights;
    __builtin_memcpy(&weights, static_cast<const int16_t*>(a.values) + 2 * pair, 4);
    const __m256i products = _mm256_madd_epi16(pairs(x, a.offsets + 2 * pair), _mm256_set1_epi32(weights));
    sums = _mm256_add_epi32(sums, products);
  }
  return _mm256_mul_ps(_mm256_cvtepi32_ps(sums), _mm256_broadcast_ss(a.multiplier));
}

INLINE float stored(float v, const StripArguments& a, float*) { return v < a.low ? a.low : v > a.high ? a.high : v; }

// float32 clamped to integer bounds, then rounded to nearest even: the same as the other way round, without overflow.
INLINE uint8_t stored(float v, const StripArguments& a, uint8_t*) {
  const float zero = static_cast<float>(a.y_zero_point), low = a.low - zero, high = a.high - zero;
  return static_cast<uint8_t>(_mm_cvtss_si32(_mm_set_ss(v < low ? low : v > high ? high : v)) + a.y_zero_point);
}

template <class X, class Y>
void run(const StripArguments& a) {
  Results results;
  for (int64_t v = 0; v < a.vector_count; ++v) {
    const PositionVector& vector = a.vectors[v];
    const X* x = static_cast<const X*>(a.x) + vector.x;
    _mm256_store_ps(results.at, sum_taps(a, x));
    _mm256_store_ps(results.at + 8, sum_taps(a, x + 8));
    Y* y = static_cast<Y*>(a.y) + vector.y;
    for (int i = 0; i < kVector; ++i) {
      if (vector.keep >> i & 1) *y = stored(results.at[i], a, y), ++y;
    }
  }
}

}  // namespace

void conv_depthwise_f32_f32_avx2(const StripArguments& a) { run<float, float>(a); }
void conv_depthwise_u8_u8_avx2(const StripArguments& a) { run<uint8_t, uint8_t>(a); }
void conv_depthwise_u8_f32_avx2(const StripArguments& a) { run<uint8_t, float>(a); }

}  // namespace apus
#endif
