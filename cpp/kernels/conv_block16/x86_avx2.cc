// float32 by fused multiply-add, and uint8 x int8 widened to int16 pairs (vpmaddubsw would saturate): sums are exact.
//
// A strip x 16 positions is done in quarters of 8 outputs x 8 positions, 8 registers v[q][k]: lane l (128 bits) of
// v[q][k] holds the outputs 4q .. 4q + 3 at position 4l + k. A quarter ends as a 4x4 transposition, in a small tile on
// the stack.
#if defined(__x86_64__)
#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc is compiled without AVX2 and FMA"
#endif
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#define INLINE inline __attribute__((always_inline))

struct Floats {
  __m256 v[2][4];
};
struct Sums {
  __m256i v[2][4];
};
struct Tile {
  alignas(32) float at[kStrip][kVector];
};  // [output][position]; float32 bits, or int32

INLINE __m256 four(const float* p) { return _mm256_broadcast_ps(reinterpret_cast<const __m128*>(p)); }
INLINE __m256i four(const void* p) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(static_cast<const __m128i*>(p)));
}

INLINE Floats accumulate_f32(const StripArguments& a, int64_t position, int row) {
  const float* x = static_cast<const float*>(a.x) + position;
  const float* w = static_cast<const float*>(a.values) + row;
  const float* bias = static_cast<const float*>(a.bias) + row;
  Floats f;
  for (int i = 0; i < 8; ++i) f.v[i / 4][i % 4] = four(bias + i / 4 * 4);
  for (int64_t g = 0; g < a.groups; ++g, w += 16) {
    const __m256 v = _mm256_loadu_ps(x + a.offsets[g]);
    const __m256 vs[4] = {_mm256_permute_ps(v, 0x00), _mm256_permute_ps(v, 0x55), _mm256_permute_ps(v, 0xAA),
                          _mm256_permute_ps(v, 0xFF)};
    for (int i = 0; i < 8; ++i) f.v[i / 4][i % 4] = _mm256_fmadd_ps(four(w + i / 4 * 4), vs[i % 4], f.v[i / 4][i % 4]);
  }
  return f;
}

// Of pairs of bfloat16, the first or the second as float32: the upper half of one.
template <int which>
INLINE __m256 widened(__m256i pairs) {
  const __m256i upper = _mm256_set1_epi32(static_cast<int>(0xFFFF0000));
  return _mm256_castsi256_ps(which == 0 ? _mm256_slli_epi32(pairs, 16) : _mm256_and_si256(pairs, upper));
}

template <int which>
INLINE void add_column(Floats& f, const float* x, const uint16_t* w) {
  const __m256 v = _mm256_loadu_ps(x);
  const __m256 vs[4] = {_mm256_permute_ps(v, 0x00), _mm256_permute_ps(v, 0x55), _mm256_permute_ps(v, 0xAA),
                        _mm256_permute_ps(v, 0xFF)};
  const __m256 ws[2] = {widened<which>(four(static_cast<const void*>(w))),
                        widened<which>(four(static_cast<const void*>(w + 8)))};
  for (int i = 0; i < 8; ++i) f.v[i / 4][i % 4] = _mm256_fmadd_ps(ws[i / 4], vs[i % 4], f.v[i / 4][i % 4]);
}

INLINE Floats accumulate_bf16(const StripArguments& a, int64_t position, int row) {
  const float* x = static_cast<const float*>(a.x) + position;
  const uint16_t* w = static_cast<const uint16_t*>(a.values) + 2 * row;
  const float* bias = static_cast<const float*>(a.bias) + row;
  Floats f;
  for (int i = 0; i < 8; ++i) f.v[i / 4][i % 4] = four(bias + i / 4 * 4);
  for (int64_t g = 0; g < a.groups; ++g, w += 32) {
    add_column<0>(f, x + a.offsets[2 * g], w);
    add_column<1>(f, x + a.offsets[2 * g + 1], w);
  }
  return f;
}

// Two columns at 8 positions as int16 pairs.
INLINE __m256i pairs(const uint8_t* x, const int32_t* offsets) {
  const __m128i c0 = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + offsets[0]));
  const __m128i c1 = _mm_loadl_epi64(reinterpret_cast<const __m128i*>(x + offsets[1]));
  return _mm256_cvtepu8_epi16(_mm_unpacklo_epi8(c0, c1));
}

INLINE Sums accumulate_u8(const StripArguments& a, int64_t position, int row) {
  const uint8_t* x = static_cast<const uint8_t*>(a.x) + position;
  const int16_t* w = static_cast<const int16_t*>(a.values) + 2 * row;
  const int32_t* bias = static_cast<const int32_t*>(a.bias) + row;
  Sums s;
  for (int i = 0; i < 8; ++i) s.v[i / 4][i % 4] = four(bias + i / 4 * 4);
  for (int64_t pair = 0; pair < a.groups * 2; ++pair, w += 32) {
    const __m256i v = pairs(x, a.offsets + 2 * pair);
    const __m256i vs[4] = {_mm256_shuffle_epi32(v, 0x00), _mm256_shuffle_epi32(v, 0x55), _mm256_shuffle_epi32(v, 0xAA),
                           _mm256_shuffle_epi32(v, 0xFF)};
    for (int i = 0; i < 8; ++i) {
      s.v[i / 4][i % 4] = _mm256_add_epi32(s.v[i / 4][i % 4], _mm256_madd_epi16(vs[i % 4], four(w + i / 4 * 8)));
    }
  }
  return s;
}

// NaN stays NaN: max and min return their second operand then.
INLINE void put(const Floats& f, const StripArguments& a, Tile& tile, int position, int row) {
  const __m256 low = _mm256_set1_ps(a.low), high = _mm256_set1_ps(a.high);
  for (int q = 0; q < 2; ++q) {
    __m256 c[4];
    for (int k = 0; k < 4; ++k) c[k] = _mm256_min_ps(high, _mm256_max_ps(low, f.v[q][k]));
    const __m256 low01 = _mm256_unpacklo_ps(c[0], c[1]), high01 = _mm256_unpackhi_ps(c[0], c[1]);
    const __m256 low23 = _mm256_unpacklo_ps(c[2], c[3]), high23 = _mm256_unpackhi_ps(c[2], c[3]);
    float* at = &tile.at[row + 4 * q][position];
    _mm256_store_ps(at, _mm256_shuffle_ps(low01, low23, 0x44));
    _mm256_store_ps(at + kVector, _mm256_shuffle_ps(low01, low23, 0xEE));
    _mm256_store_ps(at + 2 * kVector, _mm256_shuffle_ps(high01, high23, 0x44));
    _mm256_store_ps(at + 3 * kVector, _mm256_shuffle_ps(high01, high23, 0xEE));
  }
}

INLINE Floats scaled(const Sums& s, const StripArguments& a, int row) {
  Floats f;
  for (int i = 0; i < 8; ++i) {
    f.v[i / 4][i % 4] = _mm256_mul_ps(_mm256_cvtepi32_ps(s.v[i / 4][i % 4]), four(a.multiplier + row + i / 4 * 4));
  }
  return f;
}

// float32 clamped to integer bounds, then rounded to nearest even: the same as the other way round, without overflow.
INLINE uint8_t stored(float v, const StripArguments& a, uint8_t*) {
  const float zero = static_cast<float>(a.y_zero_point);
  const float clamped = v < a.low - zero ? a.low - zero : v > a.high - zero ? a.high - zero : v;
  return static_cast<uint8_t>(_mm_cvtss_si32(_mm_set_ss(clamped)) + a.y_zero_point);
}
INLINE float stored(float v, const StripArguments&, float*) { return v; }

template <class Y>
INLINE void store(const Tile& tile, const StripArguments& a, const PositionVector& vector) {
  for (int row = 0; row < a.rows; ++row) {
    Y* y = static_cast<Y*>(a.y) + row * a.y_row + vector.y * a.y_position;
    for (int i = 0; i < kVector; ++i) {
      if (!(vector.keep >> i & 1)) continue;
      *y = stored(tile.at[row][i], a, y);
      y += a.y_position;
    }
  }
}

template <class Y>
void run_u8(const StripArguments& a) {
  StripArguments unclamped = a;  // a byte is clamped when it is rounded
  if (sizeof(Y) == 1) unclamped.low = -__builtin_inff(), unclamped.high = __builtin_inff();
  Tile tile;
  for (int64_t v = 0; v < a.vector_count; ++v) {
    for (int i = 0; i < 4; ++i) {
      const int position = i % 2 * 8, row = i / 2 * 8;
      put(scaled(accumulate_u8(a, a.vectors[v].x + position, row), a, row), unclamped, tile, position, row);
    }
    store<Y>(tile, a, a.vectors[v]);
  }
}

template <Floats (*accumulate)(const StripArguments&, int64_t, int)>
void run_f32(const StripArguments& a) {
  Tile tile;
  for (int64_t v = 0; v < a.vector_count; ++v) {
    for (int i = 0; i < 4; ++i) {
      const int position = i % 2 * 8, row = i / 2 * 8;
      put(accumulate(a, a.vectors[v].x + position, row), a, tile, position, row);
    }
    store<float>(tile, a, a.vectors[v]);
  }
}

}  // namespace

void conv_block16_f32_f32_avx2(const StripArguments& a) { run_f32<accumulate_f32>(a); }
void conv_block16_bf16_f32_avx2(const StripArguments& a) { run_f32<accumulate_bf16>(a); }
void conv_block16_u8_u8_avx2(const StripArguments& a) { run_u8<uint8_t>(a); }
void conv_block16_u8_f32_avx2(const StripArguments& a) { run_u8<float>(a); }
void linear_block16_planes_f32_f32_avx2(const StripArguments& a) { run_f32<accumulate_f32>(a); }
void linear_block16_planes_bf16_f32_avx2(const StripArguments& a) { run_f32<accumulate_bf16>(a); }
void linear_block16_planes_u8_u8_avx2(const StripArguments& a) { run_u8<uint8_t>(a); }
void linear_block16_planes_u8_f32_avx2(const StripArguments& a) { run_u8<float>(a); }

}  // namespace apus
#endif
