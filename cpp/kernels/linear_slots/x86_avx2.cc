// float32 by gathers of eight.
#if defined(__x86_64__)
#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc is compiled without AVX2 and FMA"
#endif
#include <immintrin.h>

#include "kernels/linear_slots/kernel.h"

namespace apus {
namespace {

#define INLINE inline __attribute__((always_inline))

// Eight outputs of a strip from `half` on.
INLINE __m256 sums_of(const SlotArguments& a, const float* x, int64_t strip, int half) {
  __m256 s = _mm256_loadu_ps(static_cast<const float*>(a.bias) + strip * kStrip + half);
  for (uint32_t slot = a.strips[strip]; slot < a.strips[strip + 1]; ++slot) {
    const int64_t at = int64_t{slot} * kStrip + half;
    const __m128i bytes = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(a.index + at));
    const __m256 found = _mm256_i32gather_ps(x + a.lines[slot] * (kSlotLine / 4), _mm256_cvtepu8_epi32(bytes), 4);
    s = _mm256_fmadd_ps(_mm256_loadu_ps(static_cast<const float*>(a.values) + at), found, s);
  }
  return _mm256_min_ps(_mm256_set1_ps(a.high), _mm256_max_ps(_mm256_set1_ps(a.low), s));  // NaN stays NaN
}

}  // namespace

void linear_slots_f32_f32_avx2(const SlotArguments& given) {
  const SlotArguments a = given;  // which no float stored can change
  for (int64_t row = 0; row < a.rows; ++row) {
    const auto* x = reinterpret_cast<const float*>(static_cast<const char*>(a.x) + row * a.x_row);
    float* y = static_cast<float*>(a.y) + row * a.y_row;
    for (int64_t strip = 0; strip < a.strip_count; ++strip, y += kStrip) {
      const int outputs = strip + 1 < a.strip_count ? kStrip : a.last_outputs;
      alignas(32) float sums[kStrip];
      for (int half = 0; half < kStrip; half += 8) _mm256_store_ps(sums + half, sums_of(a, x, strip, half));
      for (int i = 0; i < outputs; ++i) y[i] = sums[i];
    }
  }
}

}  // namespace apus
#endif
