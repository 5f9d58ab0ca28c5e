// bfloat16 weights by vdpbf16ps, two columns at a time: x is rounded to bfloat16 too, sums are float32.
#if defined(__x86_64__)
#if !defined(__AVX512BF16__) || !defined(__AVX512BW__)
#error "x86_bf16.cc is compiled without AVX-512 BF16"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/conv_block16/x86_avx512_float.inc"

INLINE __m512i four(const uint16_t* p) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// Word 2p + c is word 16c + p.
INLINE __m512i pair_order() {
  const __m512i position = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_or_si512(position, _mm512_slli_epi32(_mm512_add_epi32(position, _mm512_set1_epi32(16)), 16));
}

// Two columns at 16 positions, rounded, in pairs.
INLINE __m512i pairs(const float* x, const int32_t* offsets, __m512i order) {
  const __m512 first = _mm512_loadu_ps(x + offsets[0]), second = _mm512_loadu_ps(x + offsets[1]);
  return _mm512_permutexvar_epi16(order, (__m512i)_mm512_cvtne2ps_pbh(second, first));
}

// The same of planes that were rounded before.
INLINE __m512i pairs(const uint16_t* x, const int32_t* offsets, __m512i order) {
  const __m256i first = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + offsets[0]));
  const __m256i second = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(x + offsets[1]));
  return _mm512_permutexvar_epi16(order, _mm512_inserti64x4(_mm512_castsi256_si512(first), second, 1));
}

template <class X>
INLINE Floats accumulate(Floats f, const StripArguments& a, int64_t position, int64_t first, int64_t last,
                         Ahead& ahead) {
  const X* x = static_cast<const X*>(a.x) + position;
  const uint16_t* w = static_cast<const uint16_t*>(a.values) + 32 * first;
  const __m512i order = pair_order();
  for (int64_t g = first; g < last; ++g, w += 32) {
    ahead.fetch();
    const __m512i v = pairs(x, a.offsets + 2 * g, order);
    const __m512i vs[4] = {_mm512_shuffle_epi32(v, _MM_PERM_AAAA), _mm512_shuffle_epi32(v, _MM_PERM_BBBB),
                           _mm512_shuffle_epi32(v, _MM_PERM_CCCC), _mm512_shuffle_epi32(v, _MM_PERM_DDDD)};
    repeat<4>(EACH(q) {
      const __m512i weights = four(w + 8 * q);
      repeat<4>(EACH(k) { f.v[q][k] = _mm512_dpbf16_ps(f.v[q][k], (__m512bh)weights, (__m512bh)vs[k]); });
    });
  }
  return f;
}

}  // namespace

void conv_block16_bf16_f32_bf16(const StripArguments& a) { run_f32<accumulate<float>, false>(a); }
void linear_block16_planes_bf16_f32_bf16(const StripArguments& a) { run_f32<accumulate<uint16_t>, true>(a); }

}  // namespace apus
#endif
