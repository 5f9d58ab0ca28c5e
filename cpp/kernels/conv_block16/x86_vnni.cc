// uint8 x int8 by vpdpbusd: x is the unsigned operand, so nothing is compensated; sums are exact.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512VBMI__) || !defined(__AVX512VBMI2__)
#error "x86_vnni.cc is compiled without AVX-512 VNNI, VBMI and VBMI2"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/conv_block16/x86_vnni_bytes.inc"

INLINE Sums accumulate(const StripArguments& a, int64_t position, Ahead& ahead) {
  const uint8_t* x = static_cast<const uint8_t*>(a.x) + position;
  const int8_t* w = static_cast<const int8_t*>(a.values);
  const int32_t* offsets = a.offsets;
  const __m512i order = interleave_order();
  Sums s = start_sums(a);
  for (int64_t g = 0; g < a.groups; ++g, w += 64, offsets += 4) {
    ahead.fetch();
    const __m512i v = interleaved(x, offsets, order);
    const __m512i vs[4] = {_mm512_shuffle_epi32(v, _MM_PERM_AAAA), _mm512_shuffle_epi32(v, _MM_PERM_BBBB),
                           _mm512_shuffle_epi32(v, _MM_PERM_CCCC), _mm512_shuffle_epi32(v, _MM_PERM_DDDD)};
    repeat<4>(EACH(q) {
      const __m512i weights = four(w + 16 * q);
      repeat<4>(EACH(k) { s.v[q][k] = (Int32x16)_mm512_dpbusd_epi32((__m512i)s.v[q][k], vs[k], weights); });
    });
  }
  return s;
}

}  // namespace

void conv_block16_u8_u8_vnni(const StripArguments& a) { run_u8<accumulate, false, true>(a); }
void conv_block16_u8_f32_vnni(const StripArguments& a) { run_u8<accumulate, false, false>(a); }
void linear_block16_planes_u8_u8_vnni(const StripArguments& a) { run_u8<accumulate, true, true>(a); }
void linear_block16_planes_u8_f32_vnni(const StripArguments& a) { run_u8<accumulate, true, false>(a); }

}  // namespace apus
#endif
