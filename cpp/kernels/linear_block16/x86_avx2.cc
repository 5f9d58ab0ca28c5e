// float32 by fused multiply-add, and uint8 x int8 widened to int16 (vpmaddubsw would saturate): sums are exact.
#if defined(__x86_64__)
#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc is compiled without AVX2 and FMA"
#endif
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#define INLINE inline __attribute__((always_inline))

// The results of a strip, before they are cut to its rows.
struct Results {
  alignas(32) float at[kStrip];
};

INLINE __m256 clamped(__m256 f, const StripArguments& a) {  // NaN stays NaN
  return _mm256_min_ps(_mm256_set1_ps(a.high), _mm256_max_ps(_mm256_set1_ps(a.low), f));
}

// Two chains for each half of the strip. Block g goes to chain g mod 2, whatever the tail.
INLINE void accumulate_f32(const StripArguments& a, const float* x, Results& results) {
  const float* w = static_cast<const float*>(a.values);
  const float* bias = static_cast<const float*>(a.bias);
  __m256 s[2][2] = {{_mm256_loadu_ps(bias), _mm256_loadu_ps(bias + 8)}, {_mm256_setzero_ps(), _mm256_setzero_ps()}};
  int64_t g = 0;
  for (; g + 2 <= a.groups; g += 2, w += 32) {
    const __m256 x0 = _mm256_broadcast_ss(x + a.offsets[g]), x1 = _mm256_broadcast_ss(x + a.offsets[g + 1]);
    s[0][0] = _mm256_fmadd_ps(_mm256_loadu_ps(w), x0, s[0][0]);
    s[0][1] = _mm256_fmadd_ps(_mm256_loadu_ps(w + 8), x0, s[0][1]);
    s[1][0] = _mm256_fmadd_ps(_mm256_loadu_ps(w + 16), x1, s[1][0]);
    s[1][1] = _mm256_fmadd_ps(_mm256_loadu_ps(w + 24), x1, s[1][1]);
  }
  if (g < a.groups) {
    const __m256 x0 = _mm256_broadcast_ss(x + a.offsets[g]);
    s[0][0] = _mm256_fmadd_ps(_mm256_loadu_ps(w), x0, s[0][0]);
    s[0][1] = _mm256_fmadd_ps(_mm256_loadu_ps(w + 8), x0, s[0][1]);
  }
  _mm256_store_ps(results.at, _mm256_add_ps(s[0][0], s[1][0]));
  _mm256_store_ps(results.at + 8, _mm256_add_ps(s[0][1], s[1][1]));
}

// Of pairs of bfloat16, the first and the second as float32: the upper half of one.
INLINE __m256 first(__m256i pairs) { return _mm256_castsi256_ps(_mm256_slli_epi32(pairs, 16)); }
INLINE __m256 second(__m256i pairs) {
  return _mm256_castsi256_ps(_mm256_and_si256(pairs, _mm256_set1_epi32(static_cast<int>(0xFFFF0000))));
}

// Eight pairs, read once: GCC would read them for each half.
INLINE __m256i load_pairs(const uint16_t* w) {
  __m256i pairs = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(w));
  __asm__("" : "+x"(pairs));
  return pairs;
}

INLINE void accumulate_bf16(const StripArguments& a, const float* x, Results& results) {
  const uint16_t* w = static_cast<const uint16_t*>(a.values);
  const float* bias = static_cast<const float*>(a.bias);
  __m256 s[2][2] = {{_mm256_loadu_ps(bias), _mm256_loadu_ps(bias + 8)}, {_mm256_setzero_ps(), _mm256_setzero_ps()}};
  for (int64_t g = 0; g < a.groups; ++g, w += 32) {
    const __m256 x0 = _mm256_broadcast_ss(x + a.offsets[2 * g]), x1 = _mm256_broadcast_ss(x + a.offsets[2 * g + 1]);
    for (int half = 0; half < 2; ++half) {
      const __m256i pairs = load_pairs(w + 16 * half);
      s[0][half] = _mm256_fmadd_ps(first(pairs), x0, s[0][half]);
      s[1][half] = _mm256_fmadd_ps(second(pairs), x1, s[1][half]);
    }
  }
  _mm256_store_ps(results.at, _mm256_add_ps(s[0][0], s[1][0]));
  _mm256_store_ps(results.at + 8, _mm256_add_ps(s[0][1], s[1][1]));
}

INLINE __m256i wide(const int8_t* w) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(w)));
}

// The bytes of four columns as int16, again and again.
INLINE __m256i words(const uint8_t* x, const int32_t* offsets) {
  const uint64_t low = x[offsets[0]] | static_cast<uint64_t>(x[offsets[1]]) << 16;
  const uint64_t high = x[offsets[2]] | static_cast<uint64_t>(x[offsets[3]]) << 16;
  return _mm256_set1_epi64x(static_cast<long long>(low | high << 32));
}

// Sums of 8 outputs, each kept as two halves in neighbouring lanes of s0 (outputs 0..3) and s1 (4..7).
INLINE __m256 scaled(__m256i s0, __m256i s1, const StripArguments& a, int row) {
  const __m256i sums = _mm256_permute4x64_epi64(_mm256_hadd_epi32(s0, s1), 0xD8);
  const __m256i bias = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(static_cast<const int32_t*>(a.bias) + row));
  return _mm256_mul_ps(_mm256_cvtepi32_ps(_mm256_add_epi32(sums, bias)), _mm256_loadu_ps(a.multiplier + row));
}

INLINE void accumulate_u8(const StripArguments& a, const uint8_t* x, Results& results) {
  const int8_t* w = static_cast<const int8_t*>(a.values);
  __m256i s[4] = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
  for (int64_t g = 0; g < a.groups; ++g, w += 64) {
    const __m256i v = words(x, a.offsets + 4 * g);
    for (int q = 0; q < 4; ++q) s[q] = _mm256_add_epi32(s[q], _mm256_madd_epi16(v, wide(w + 16 * q)));
  }
  _mm256_store_ps(results.at, scaled(s[0], s[1], a, 0));
  _mm256_store_ps(results.at + 8, scaled(s[2], s[3], a, 8));
}

// float32 clamped to integer bounds, then rounded to nearest even: the same as the other way round, without overflow.
INLINE void store(Results& results, const StripArguments& a, uint8_t* y) {
  const float zero = static_cast<float>(a.y_zero_point);
  for (int row = 0; row < a.rows; ++row) {
    const float v = results.at[row], low = a.low - zero, high = a.high - zero;
    y[row] = static_cast<uint8_t>(_mm_cvtss_si32(_mm_set_ss(v < low ? low : v > high ? high : v)) + a.y_zero_point);
  }
}

INLINE void store(Results& results, const StripArguments& a, float* y) {
  for (int half = 0; half < kStrip; half += 8) {
    _mm256_store_ps(results.at + half, clamped(_mm256_load_ps(results.at + half), a));
  }
  for (int row = 0; row < a.rows; ++row) y[row] = results.at[row];
}

template <void (*accumulate)(const StripArguments&, const float*, Results&)>
void run_f32(const StripArguments& a) {
  Results results;
  for (int64_t n = 0; n < a.vector_count; ++n) {
    accumulate(a, static_cast<const float*>(a.x) + n * a.x_position, results);
    store(results, a, static_cast<float*>(a.y) + n * a.y_position);
  }
}

template <class Y>
void run_u8(const StripArguments& a) {
  Results results;
  for (int64_t n = 0; n < a.vector_count; ++n) {
    accumulate_u8(a, static_cast<const uint8_t*>(a.x) + n * a.x_position, results);
    store(results, a, static_cast<Y*>(a.y) + n * a.y_position);
  }
}

}  // namespace

void linear_block16_rows_f32_f32_avx2(const StripArguments& a) { run_f32<accumulate_f32>(a); }
void linear_block16_rows_bf16_f32_avx2(const StripArguments& a) { run_f32<accumulate_bf16>(a); }
void linear_block16_rows_u8_u8_avx2(const StripArguments& a) { run_u8<uint8_t>(a); }
void linear_block16_rows_u8_f32_avx2(const StripArguments& a) { run_u8<float>(a); }

}  // namespace apus
#endif
