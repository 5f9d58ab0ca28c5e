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

// No byte permutation here: plane_index() selects 32-bit lanes after a compression of positions, see gather_planes().
inline __m512i plane_index(const PositionVector& vector) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_maskz_compress_epi32(static_cast<__mmask16>(vector.keep), lanes);
}

inline __m512i gather_planes(__m512i bytes, __m512i index) {
  const __m512i kept = _mm512_permutexvar_epi32(index, bytes);  // dword p: four outputs of one position
  const __m512i byte_planes = _mm512_shuffle_epi8(
      kept, _mm512_broadcast_i32x4(_mm_setr_epi8(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15)));
  const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  return _mm512_permutexvar_epi32(order, byte_planes);
}

constexpr int64_t kGroupBytes = 128;  // of int8 weights, widened

#include "kernels/conv_block16/x86_avx512_float.inc"
#include "kernels/conv_block16/x86_avx512_planes.inc"
#include "kernels/conv_block16/x86_avx512_store.inc"

// Adds groups first..last to f.
INLINE Floats accumulate_f32(Floats f, const StripArguments& a, int64_t position, int64_t first, int64_t last,
                             Ahead& ahead) {
  const float* x = static_cast<const float*>(a.x) + position;
  const float* w = static_cast<const float*>(a.values) + 16 * first;
  for (int64_t g = first; g < last; ++g, w += 16) {
    ahead.fetch();
    const __m512 v = _mm512_loadu_ps(x + a.offsets[g]);
    const __m512 vs[4] = {_mm512_permute_ps(v, 0x00), _mm512_permute_ps(v, 0x55), _mm512_permute_ps(v, 0xAA),
                          _mm512_permute_ps(v, 0xFF)};
    repeat<4>(EACH(q) {
      const __m512 weights = four(w + 4 * q);
      repeat<4>(EACH(k) { f.v[q][k] = _mm512_fmadd_ps(weights, vs[k], f.v[q][k]); });
    });
  }
  return f;
}

// Two columns at 16 positions as int16 pairs.
INLINE __m512i pairs(const uint8_t* x, const int32_t* offsets) {
  const __m128i c0 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + offsets[0]));
  const __m128i c1 = _mm_loadu_si128(reinterpret_cast<const __m128i*>(x + offsets[1]));
  const __m256i both = _mm256_set_m128i(_mm_unpackhi_epi8(c0, c1), _mm_unpacklo_epi8(c0, c1));
  return _mm512_cvtepu8_epi16(both);
}

INLINE Sums accumulate_u8(const StripArguments& a, int64_t position, Ahead&) {
  const uint8_t* x = static_cast<const uint8_t*>(a.x) + position;
  const int16_t* w = static_cast<const int16_t*>(a.values);
  Sums s = start_sums(a);
  for (int64_t pair = 0; pair < a.groups * 2; ++pair, w += 32) {
    const __m512i v = pairs(x, a.offsets + 2 * pair);
    const __m512i vs[4] = {_mm512_shuffle_epi32(v, _MM_PERM_AAAA), _mm512_shuffle_epi32(v, _MM_PERM_BBBB),
                           _mm512_shuffle_epi32(v, _MM_PERM_CCCC), _mm512_shuffle_epi32(v, _MM_PERM_DDDD)};
    repeat<4>(EACH(q) {
      const __m512i weights = four(w + 8 * q);
      repeat<4>(EACH(k) { s.v[q][k] += (Int32x16)_mm512_madd_epi16(vs[k], weights); });
    });
  }
  return s;
}

// Adds column `which` of pairs w to f.
template <int which>
INLINE void add_column(Floats& f, const float* x, const uint16_t* w) {
  const __m512 v = _mm512_loadu_ps(x);
  const __m512 vs[4] = {_mm512_permute_ps(v, 0x00), _mm512_permute_ps(v, 0x55), _mm512_permute_ps(v, 0xAA),
                        _mm512_permute_ps(v, 0xFF)};
  const __m512i upper = _mm512_set1_epi32(static_cast<int>(0xFFFF0000));
  repeat<4>(EACH(q) {
    const __m512i pairs = four(static_cast<const void*>(w + 8 * q));
    const __m512 weights =
        _mm512_castsi512_ps(which == 0 ? _mm512_slli_epi32(pairs, 16) : _mm512_and_si512(pairs, upper));
    repeat<4>(EACH(k) { f.v[q][k] = _mm512_fmadd_ps(weights, vs[k], f.v[q][k]); });
  });
}

// The same of pairs of bfloat16, which are the upper halves of float32.
INLINE Floats accumulate_bf16(Floats f, const StripArguments& a, int64_t position, int64_t first, int64_t last,
                              Ahead& ahead) {
  const float* x = static_cast<const float*>(a.x) + position;
  const uint16_t* w = static_cast<const uint16_t*>(a.values) + 32 * first;
  for (int64_t g = first; g < last; ++g, w += 32) {
    ahead.fetch();
    add_column<0>(f, x + a.offsets[2 * g], w);
    add_column<1>(f, x + a.offsets[2 * g + 1], w);
  }
  return f;
}

}  // namespace

void conv_block16_f32_f32_avx512(const StripArguments& a) { run_planes<Singles>(a); }
void conv_block16_bf16_f32_avx512(const StripArguments& a) { run_planes<Pairs>(a); }
void conv_block16_u8_u8_avx512(const StripArguments& a) { run_u8<accumulate_u8, false, true>(a); }
void conv_block16_u8_f32_avx512(const StripArguments& a) { run_u8<accumulate_u8, false, false>(a); }
void linear_block16_planes_f32_f32_avx512(const StripArguments& a) { run_f32<accumulate_f32, true>(a); }
void linear_block16_planes_bf16_f32_avx512(const StripArguments& a) { run_f32<accumulate_bf16, true>(a); }
void linear_block16_planes_u8_u8_avx512(const StripArguments& a) { run_u8<accumulate_u8, true, true>(a); }
void linear_block16_planes_u8_f32_avx512(const StripArguments& a) { run_u8<accumulate_u8, true, false>(a); }

}  // namespace apus
#endif
