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

#include "kernels/conv_block16/x86_bf16_pairs.inc"

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
