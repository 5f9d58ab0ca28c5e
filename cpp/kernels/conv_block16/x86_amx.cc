// 16 outputs x 16 positions x 16 groups an instruction: bytes by tdpbsud, exact; bfloat16 by tdpbf16ps.
//
// Weights are tile A, turned from [group][output] to [output][group]; planes are tile B, a row a group, interleaved as
// for vpdpbusd. Interleaving is what a group costs, so a vector's tile is made once a strip and its weights once for
// six vectors, whose sums fill the other tiles.
#if defined(__x86_64__)
#if !defined(__AMX_INT8__) || !defined(__AMX_BF16__) || !defined(__AVX512BF16__) || !defined(__AVX512VBMI2__)
#error "x86_amx.cc is compiled without AMX, AVX-512 BF16 and VBMI2"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#include "kernels/block16/strip.h"
#include "kernels/tiles/tiles.h"

namespace apus {
namespace {

#include "kernels/conv_block16/x86_avx512_float.inc"
#include "kernels/conv_block16/x86_bf16_pairs.inc"
#include "kernels/conv_block16/x86_vnni_bytes.inc"

constexpr int64_t kDeep = 16;     // groups of a tile
constexpr int64_t kTogether = 6;  // vectors whose sums are tiles 0 to 5; 6 holds weights, 7 planes
constexpr int64_t kTileBytes = 1024;

struct alignas(64) Staged {
  char weights[kTileBytes], planes[kTogether][kTileBytes], sums[kTogether][kTileBytes];
};

// How a group is multiplied: its columns, x as the planes hold it, a row of tile B.
struct Bytes {
  using X = uint8_t;
  static constexpr int64_t kColumns = 4;
  static INLINE __m512i order() { return interleave_order(); }
  static INLINE __m512i row(const X* x, const int32_t* offsets, __m512i order) {
    return interleaved(x, offsets, order);
  }
};

template <class Plane>
struct Pairs {
  using X = Plane;
  static constexpr int64_t kColumns = 2;
  static INLINE __m512i order() { return pair_order(); }
  static INLINE __m512i row(const X* x, const int32_t* offsets, __m512i order) { return pairs(x, offsets, order); }
};

// In place, each 4x4 of 32-bit items within lanes.
INLINE void turn(__m512i r[4]) {
  const __m512i low01 = _mm512_unpacklo_epi32(r[0], r[1]), high01 = _mm512_unpackhi_epi32(r[0], r[1]);
  const __m512i low23 = _mm512_unpacklo_epi32(r[2], r[3]), high23 = _mm512_unpackhi_epi32(r[2], r[3]);
  r[0] = _mm512_unpacklo_epi64(low01, low23);
  r[1] = _mm512_unpackhi_epi64(low01, low23);
  r[2] = _mm512_unpacklo_epi64(high01, high23);
  r[3] = _mm512_unpackhi_epi64(high01, high23);
}

// [group][output] of 32-bit items to [output][group]; groups past `count` are zeros.
INLINE void turn_weights(const char* values, int64_t count, char* turned) {
  __m512i r[4][4];  // [q][j]: group 4q + j, then lane l of it: outputs 4l + j of the groups 4q .. 4q + 3
  repeat<16>(EACH(i) {
    const __mmask16 there = i < count ? 0xFFFF : 0;
    r[i / 4][i % 4] = _mm512_maskz_loadu_epi32(there, values + 64 * i);
  });
  repeat<4>(EACH(q) { turn(r[q]); });
  repeat<4>(EACH(j) {
    const __m512i low01 = _mm512_shuffle_i32x4(r[0][j], r[1][j], 0x44),
                  low23 = _mm512_shuffle_i32x4(r[2][j], r[3][j], 0x44);
    const __m512i high01 = _mm512_shuffle_i32x4(r[0][j], r[1][j], 0xEE),
                  high23 = _mm512_shuffle_i32x4(r[2][j], r[3][j], 0xEE);
    _mm512_store_si512(turned + 64 * j, _mm512_shuffle_i32x4(low01, low23, 0x88));
    _mm512_store_si512(turned + 64 * (4 + j), _mm512_shuffle_i32x4(low01, low23, 0xDD));
    _mm512_store_si512(turned + 64 * (8 + j), _mm512_shuffle_i32x4(high01, high23, 0x88));
    _mm512_store_si512(turned + 64 * (12 + j), _mm512_shuffle_i32x4(high01, high23, 0xDD));
  });
}

// Rows past `count` are zeros: what an earlier vector left there may be infinite, and times zero a NaN.
template <class Kind>
INLINE void stage_planes(const StripArguments& a, int64_t position, int64_t first, int64_t count, char* tile) {
  const typename Kind::X* x = static_cast<const typename Kind::X*>(a.x) + position;
  const int32_t* offsets = a.offsets + Kind::kColumns * first;
  const __m512i order = Kind::order();
  for (int64_t g = 0; g < count; ++g)
    _mm512_store_si512(tile + 64 * g, Kind::row(x, offsets + Kind::kColumns * g, order));
  for (int64_t g = count; g < kDeep; ++g) _mm512_store_si512(tile + 64 * g, _mm512_setzero_si512());
}

#define APUS_EACH_TILE(action) action(0) action(1) action(2) action(3) action(4) action(5)

// The sums of N vectors of one strip.
template <class Kind, int N>
INLINE void multiply(const StripArguments& a, const PositionVector* vectors, Staged& s) {
#define APUS_ZERO(t) \
  if constexpr (t < N) tile_zero(t);
  APUS_EACH_TILE(APUS_ZERO)
  for (int64_t g = 0; g < a.groups; g += kDeep) {
    const int64_t count = a.groups - g < kDeep ? a.groups - g : kDeep;
    turn_weights(static_cast<const char*>(a.values) + 64 * g, count, s.weights);
    tile_load(6, s.weights);
#define APUS_MULTIPLY(t)                                             \
  if constexpr (t < N) {                                             \
    stage_planes<Kind>(a, vectors[t].x, g, count, s.planes[t]);      \
    tile_load(7, s.planes[t]);                                       \
    if constexpr (Kind::kColumns == 4) tile_multiply_bytes(t, 6, 7); \
    if constexpr (Kind::kColumns == 2) tile_multiply_pairs(t, 6, 7); \
  }
    APUS_EACH_TILE(APUS_MULTIPLY)
  }
#define APUS_STORE(t) \
  if constexpr (t < N) tile_store(t, s.sums[t]);
  APUS_EACH_TILE(APUS_STORE)
#undef APUS_ZERO
#undef APUS_MULTIPLY
#undef APUS_STORE
}

// Up to kTogether vectors; returns how many.
template <class Kind, int N = kTogether>
INLINE int64_t multiply_some(const StripArguments& a, const PositionVector* vectors, int64_t left, Staged& s) {
  if constexpr (N == 1) return multiply<Kind, 1>(a, vectors, s), 1;
  if constexpr (N > 1) {
    if (left >= N) return multiply<Kind, N>(a, vectors, s), N;
    return multiply_some<Kind, N - 1>(a, vectors, left, s);
  }
}

// [output][position] as a tile of x86_avx512_tile.inc has it.
INLINE void turned_sums(const char* sums, __m512i v[4][4]) {
  repeat<4>(EACH(q) {
    repeat<4>(EACH(j) { v[q][j] = _mm512_load_si512(sums + 64 * (4 * q + j)); });
    turn(v[q]);
  });
}

template <class Kind, class Finish>
INLINE void run(const StripArguments& a, Finish&& finish) {
  Staged s;
  tiles_begin();
  for (int64_t i = 0; i < a.vector_count;) {
    const int64_t done = multiply_some<Kind>(a, a.vectors + i, a.vector_count - i, s);
    for (int64_t t = 0; t < done; ++t) finish(s.sums[t], a.vectors[i + t]);
    i += done;
  }
  tiles_end();
}

template <bool rows, bool bytes>
INLINE void run_bytes(const StripArguments& given) {
  const StripArguments a = given;  // which no byte stored can change
  const Rounding rounding(a);
  const __m512i whole = plane_index(kWhole);
  run<Bytes>(a, [&](const char* sums, const PositionVector& vector) __attribute__((always_inline)) {
    __m512i v[4][4];
    turned_sums(sums, v);
    Sums s = start_sums(a);
    repeat<16>(EACH(i) { s.v[i / 4][i % 4] += (Int32x16)v[i / 4][i % 4]; });
    finish<rows, bytes>(s, a, rounding, whole, vector);
  });
}

template <class Plane, bool rows>
INLINE void run_pairs(const StripArguments& given) {
  const StripArguments a = given;  // which no float stored can change
  run<Pairs<Plane>>(a, [&](const char* sums, const PositionVector& vector) __attribute__((always_inline)) {
    __m512i v[4][4];
    turned_sums(sums, v);
    Floats f = bias_f32(a);
    repeat<16>(EACH(i) { f.v[i / 4][i % 4] = _mm512_add_ps(f.v[i / 4][i % 4], _mm512_castsi512_ps(v[i / 4][i % 4])); });
    finish<rows>(f, a, vector);
  });
}

}  // namespace

void conv_block16_u8_u8_amx(const StripArguments& a) { run_bytes<false, true>(a); }
void conv_block16_u8_f32_amx(const StripArguments& a) { run_bytes<false, false>(a); }
void linear_block16_planes_u8_u8_amx(const StripArguments& a) { run_bytes<true, true>(a); }
void linear_block16_planes_u8_f32_amx(const StripArguments& a) { run_bytes<true, false>(a); }
void conv_block16_bf16_f32_amx(const StripArguments& a) { run_pairs<float, false>(a); }
void linear_block16_planes_bf16_f32_amx(const StripArguments& a) { run_pairs<uint16_t, true>(a); }

}  // namespace apus
#endif
