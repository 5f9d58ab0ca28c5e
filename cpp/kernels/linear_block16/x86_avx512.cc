// float32 by fused multiply-add, and uint8 x int8 widened to int16 for CPUs without VNNI: sums are exact.
#if defined(__x86_64__)
#if !defined(__AVX512F__) || !defined(__AVX512BW__) || !defined(__AVX512DQ__) || !defined(__AVX512VL__)
#error "x86_avx512.cc is compiled without AVX-512 F, BW, DQ and VL"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/linear_block16/x86_avx512_store.inc"

// Eight chains: a fused multiply-add takes four cycles, and two loads a block allow one of them a cycle.
INLINE __m512 accumulate_f32(const StripArguments& a, const float* x) {
  const float* w = static_cast<const float*>(a.values);
  __m512 s[8] = {_mm512_loadu_ps(a.bias)};
#pragma GCC unroll 8
  for (int i = 1; i < 8; ++i) s[i] = _mm512_setzero_ps();
  int64_t g = 0;
  for (; g + 8 <= a.groups; g += 8, w += 128) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) {
      s[i] = _mm512_fmadd_ps(_mm512_loadu_ps(w + 16 * i), _mm512_set1_ps(x[a.offsets[g + i]]), s[i]);
    }
  }
  for (; g < a.groups; ++g, w += 16) s[0] = _mm512_fmadd_ps(_mm512_loadu_ps(w), _mm512_set1_ps(x[a.offsets[g]]), s[0]);
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) s[i] = _mm512_add_ps(s[i], s[i + 4]);
  return _mm512_add_ps(_mm512_add_ps(s[0], s[1]), _mm512_add_ps(s[2], s[3]));
}

// Of pairs of bfloat16, the first and the second as float32: the upper half of one.
INLINE __m512 first(__m512i pairs) { return _mm512_castsi512_ps(_mm512_slli_epi32(pairs, 16)); }
INLINE __m512 second(__m512i pairs) {
  return _mm512_castsi512_ps(_mm512_and_si512(pairs, _mm512_set1_epi32(static_cast<int>(0xFFFF0000))));
}

// Sixteen pairs, read once: GCC would read them for each half (Zen 5: 2.1 instead of 2.8 us, 1024x1024 at 90 % zeros).
INLINE __m512i load_pairs(const uint16_t* w) {
  __m512i pairs = _mm512_loadu_si512(w);
  __asm__("" : "+v"(pairs));
  return pairs;
}

INLINE __m512 accumulate_bf16(const StripArguments& a, const float* x) {
  const uint16_t* w = static_cast<const uint16_t*>(a.values);
  const int32_t* offsets = a.offsets;
  __m512 s[8] = {_mm512_loadu_ps(a.bias)};
#pragma GCC unroll 8
  for (int i = 1; i < 8; ++i) s[i] = _mm512_setzero_ps();
  int64_t g = 0;
  for (; g + 4 <= a.groups; g += 4, w += 128, offsets += 8) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) {
      const __m512i pairs = load_pairs(w + 32 * i);
      s[2 * i] = _mm512_fmadd_ps(first(pairs), _mm512_set1_ps(x[offsets[2 * i]]), s[2 * i]);
      s[2 * i + 1] = _mm512_fmadd_ps(second(pairs), _mm512_set1_ps(x[offsets[2 * i + 1]]), s[2 * i + 1]);
    }
  }
  for (; g < a.groups; ++g, w += 32, offsets += 2) {
    const __m512i pairs = load_pairs(w);
    s[0] = _mm512_fmadd_ps(first(pairs), _mm512_set1_ps(x[offsets[0]]), s[0]);
    s[1] = _mm512_fmadd_ps(second(pairs), _mm512_set1_ps(x[offsets[1]]), s[1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; ++i) s[i] = _mm512_add_ps(s[i], s[i + 4]);
  return _mm512_add_ps(_mm512_add_ps(s[0], s[1]), _mm512_add_ps(s[2], s[3]));
}

INLINE __m512i wide(const int8_t* w) {
  return _mm512_cvtepi8_epi16(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(w)));
}

// The bytes of four columns as int16, again and again.
INLINE __m512i words(const uint8_t* x, const int32_t* offsets) {
  const uint64_t low = x[offsets[0]] | static_cast<uint64_t>(x[offsets[1]]) << 16;
  const uint64_t high = x[offsets[2]] | static_cast<uint64_t>(x[offsets[3]]) << 16;
  return _mm512_set1_epi64(static_cast<long long>(low | high << 32));
}

// Each sum is kept as two halves in neighbouring lanes: outputs 0..7 in s[0], 8..15 in s[1].
INLINE __m512i accumulate_u8(const StripArguments& a, const uint8_t* x) {
  const int8_t* w = static_cast<const int8_t*>(a.values);
  __m512i s[2] = {_mm512_setzero_si512(), _mm512_setzero_si512()};
  for (int64_t g = 0; g < a.groups; ++g, w += 64) {
    const __m512i v = words(x, a.offsets + 4 * g);
    s[0] = _mm512_add_epi32(s[0], _mm512_madd_epi16(v, wide(w)));
    s[1] = _mm512_add_epi32(s[1], _mm512_madd_epi16(v, wide(w + 32)));
  }
  const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i odd = _mm512_add_epi32(even, _mm512_set1_epi32(1));
  const __m512i sum =
      _mm512_add_epi32(_mm512_permutex2var_epi32(s[0], even, s[1]), _mm512_permutex2var_epi32(s[0], odd, s[1]));
  return _mm512_add_epi32(sum, _mm512_loadu_si512(a.bias));
}

template <__m512 (*accumulate)(const StripArguments&, const float*)>
INLINE void run_f32(const StripArguments& a) {
  for (int64_t n = 0; n < a.vector_count; ++n) {
    const float* x = static_cast<const float*>(a.x) + n * a.x_position;
    store(accumulate(a, x), a, static_cast<float*>(a.y) + n * a.y_position);
  }
}

}  // namespace

void linear_block16_rows_f32_f32_avx512(const StripArguments& a) { run_f32<accumulate_f32>(a); }
void linear_block16_rows_bf16_f32_avx512(const StripArguments& a) { run_f32<accumulate_bf16>(a); }
void linear_block16_rows_u8_u8_avx512(const StripArguments& a) { run_u8<accumulate_u8, uint8_t>(a); }
void linear_block16_rows_u8_f32_avx512(const StripArguments& a) { run_u8<accumulate_u8, float>(a); }

}  // namespace apus
#endif
