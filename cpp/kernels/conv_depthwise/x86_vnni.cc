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
  __m512i v = _mm512_castsi128_si512(load(x + offsets[0]));
  v = _mm512_mask_broadcast_i32x4(v, 0x00F0, load(x + offsets[1]));
  v = _mm512_mask_broadcast_i32x4(v, 0x0F00, load(x + offsets[2]));
  v = _mm512_mask_broadcast_i32x4(v, 0xF000, load(x + offsets[3]));
  return _mm512_permutexvar_epi8(order, v);
}

INLINE __m512i accumulate(const StripArguments& a, const uint8_t* x) {
  const __m512i position = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i repeated = _mm512_mullo_epi32(position, _mm512_set1_epi32(0x01010101));
  const __m512i order = _mm512_add_epi8(repeated, _mm512_set1_epi32(0x30201000));
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
