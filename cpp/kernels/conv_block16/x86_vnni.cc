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

inline __m512i plane_index(const PositionVector& vector) {
  const __m128i lanes = _mm_setr_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m128i kept = _mm_maskz_compress_epi8(static_cast<__mmask16>(vector.keep), lanes);
  const __m512i j = _mm512_setr_epi64(0, 0, 0x0101010101010101, 0x0101010101010101, 0x0202020202020202,
                                      0x0202020202020202, 0x0303030303030303, 0x0303030303030303);
  return _mm512_add_epi8(_mm512_slli_epi16(_mm512_broadcast_i32x4(kept), 2), j);
}

inline __m512i gather_planes(__m512i bytes, __m512i index) { return _mm512_permutexvar_epi8(index, bytes); }

constexpr int64_t kGroupBytes = 64;  // of int8 weights

#include "kernels/conv_block16/x86_avx512_store.inc"

INLINE __m128i load(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// 16 positions of four columns, [position][column]: two insertions and one permutation of two registers, the fewest
// instructions on the ports that vpdpbusd wants (measured on Zen 5: 9.0 cycles a group; by masked broadcasts 10.5).
INLINE __m512i interleaved(const uint8_t* x, const int32_t* offsets, __m512i order) {
  const __m256i c01 = _mm256_inserti128_si256(_mm256_castsi128_si256(load(x + offsets[0])), load(x + offsets[1]), 1);
  const __m256i c23 = _mm256_inserti128_si256(_mm256_castsi128_si256(load(x + offsets[2])), load(x + offsets[3]), 1);
  return _mm512_permutex2var_epi8(_mm512_castsi256_si512(c01), order, _mm512_castsi256_si512(c23));
}

INLINE __m512i interleave_order() {
  const __m512i position = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  const __m512i repeated = _mm512_mullo_epi32(position, _mm512_set1_epi32(0x01010101));
  return _mm512_add_epi8(repeated, _mm512_set1_epi32(0x50401000));
}

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
