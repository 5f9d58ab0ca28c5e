// float32: found by vpermt2ps, summed by fused multiply-add.
#if defined(__x86_64__)
#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512DQ__) || !defined(__AVX512VL__)
#error "x86_avx512.cc is compiled without AVX-512 F, BW, DQ and VL"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/linear_slots/kernel.h"

namespace apus {
namespace {

#include "kernels/linear_block16/x86_avx512_store.inc"

// Four chains for every row of x, so that its sums do not depend on how many go with it.
template <int R>
struct Floats {
  __m512 s[R][4];

  INLINE Floats(const SlotArguments& a, int64_t strip) {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      s[r][0] = _mm512_loadu_ps(static_cast<const float*>(a.bias) + strip * kStrip);
      s[r][1] = s[r][2] = s[r][3] = _mm512_setzero_ps();
    }
    const uint32_t last = a.strips[strip + 1];
    uint32_t slot = a.strips[strip];
    for (; slot + 4 <= last; slot += 4) {
#pragma GCC unroll 4
      for (int chain = 0; chain < 4; ++chain) add(a, slot + static_cast<uint32_t>(chain), chain);
    }
    for (; slot < last; ++slot) add(a, slot, 0);
  }

  INLINE void add(const SlotArguments& a, uint32_t slot, int chain) {
    const int64_t at = int64_t{slot} * kStrip;
    const __m512i index = _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a.index + at)));
    const __m512 weights = _mm512_loadu_ps(static_cast<const float*>(a.values) + at);
    const char* window = static_cast<const char*>(a.x) + a.lines[slot] * kSlotLine;
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const char* from = window + r * a.x_row;
      const __m512 low = _mm512_loadu_ps(from), high = _mm512_loadu_ps(from + a.second);
      s[r][chain] = _mm512_fmadd_ps(_mm512_permutex2var_ps(low, index, high), weights, s[r][chain]);
    }
  }

  INLINE __m512 of(int r) const {
    return _mm512_add_ps(_mm512_add_ps(s[r][0], s[r][1]), _mm512_add_ps(s[r][2], s[r][3]));
  }
};

#include "kernels/linear_slots/strips.inc"

}  // namespace

void linear_slots_f32_f32_avx512(const SlotArguments& a) { run<Floats, float>(a); }

}  // namespace apus
#endif
