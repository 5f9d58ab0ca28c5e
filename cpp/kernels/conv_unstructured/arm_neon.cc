// float32 by fused multiply-add: a weight meets 16 positions, or 32, by fours.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/unstructured/single.h"

namespace apus {
namespace {

#include "kernels/block16/arm_store.inc"

constexpr int64_t kTile = kTileVectors * kVector;  // positions
constexpr int64_t kSide = 4;                       // rows of the matrix that are stored together

// 16 * V clamped sums of a row, in two chains. A weight beyond the last two goes to the first, whatever V.
template <int V>
INLINE void sum_row(const SingleArguments& a, int64_t row, float* to) {
  constexpr int kQuarters = 4 * V;
  float32x4_t s[2][kQuarters];
  repeat<kQuarters>(EACH(q) { s[0][q] = vdupq_n_f32(a.bias[row]), s[1][q] = vdupq_n_f32(0); });
  const auto add = [&](auto chain, uint32_t at) __attribute__((always_inline)) {
    const float* x = a.x + a.offsets[at];
    const float weight = a.values[at];
    repeat<kQuarters>(EACH(q) { s[chain][q] = vfmaq_n_f32(s[chain][q], vld1q_f32(x + 4 * q), weight); });
  };
  const uint32_t last = a.rows[row + 1];
  uint32_t i = a.rows[row];
  for (; i + 2 <= last; i += 2) add(Index<0>{}, i), add(Index<1>{}, i + 1);
  if (i < last) add(Index<0>{}, i);
  const float32x4_t low = vdupq_n_f32(a.low), high = vdupq_n_f32(a.high);  // NaN stays NaN
  repeat<kQuarters>(EACH(q) { vst1q_f32(to + 4 * q, vminq_f32(vmaxq_f32(vaddq_f32(s[0][q], s[1][q]), low), high)); });
}

INLINE void put(float* y, const float* from, uint32_t keep) {
  if (keep == 0xFFFF) return repeat<4>(EACH(q) { vst1q_f32(y + 4 * q, vld1q_f32(from + 4 * q)); });
  for (; keep; keep &= keep - 1) *y++ = from[__builtin_ctz(keep)];
}

template <int V>
INLINE void run_planes(const SingleArguments& a) {
  alignas(64) float tile[kTile];
  for (int64_t row = 0; row < a.count; ++row) {
    sum_row<V>(a, row, tile);
    for (int v = 0; v < V; ++v) put(a.y + row * a.y_row + a.vectors[v].y, tile + v * kVector, a.vectors[v].keep);
  }
}

// Four positions of four rows of the matrix, which lie kTile apart in `from`, to rows of y.
INLINE void turn(const float* from, float* y, int64_t pitch) {
  const float32x4_t a = vld1q_f32(from), b = vld1q_f32(from + kTile);
  const float32x4_t c = vld1q_f32(from + 2 * kTile), d = vld1q_f32(from + 3 * kTile);
  const float64x2_t ab = vreinterpretq_f64_f32(vzip1q_f32(a, b)), cd = vreinterpretq_f64_f32(vzip1q_f32(c, d));
  const float64x2_t ba = vreinterpretq_f64_f32(vzip2q_f32(a, b)), dc = vreinterpretq_f64_f32(vzip2q_f32(c, d));
  vst1q_f32(y, vreinterpretq_f32_f64(vzip1q_f64(ab, cd)));
  vst1q_f32(y + pitch, vreinterpretq_f32_f64(vzip2q_f64(ab, cd)));
  vst1q_f32(y + 2 * pitch, vreinterpretq_f32_f64(vzip1q_f64(ba, dc)));
  vst1q_f32(y + 3 * pitch, vreinterpretq_f32_f64(vzip2q_f64(ba, dc)));
}

template <int V>
INLINE void run_rows(const SingleArguments& a) {
  int64_t positions = 0;
  for (int v = 0; v < V; ++v) positions += a.vectors[v].count;
  float* y = a.y + a.vectors[0].y * a.y_position;
  alignas(64) float tile[kSide * kTile];
  for (int64_t row = 0; row < a.count; row += kSide) {
    const int64_t rows = row + kSide <= a.count ? kSide : a.count - row;
    for (int64_t i = 0; i < rows; ++i) sum_row<V>(a, row + i, tile + i * kTile);
    int64_t p = 0;
    for (; rows == kSide && p + 4 <= positions; p += 4) turn(tile + p, y + row + p * a.y_position, a.y_position);
    for (; p < positions; ++p)
      for (int64_t i = 0; i < rows; ++i) y[p * a.y_position + row + i] = tile[i * kTile + p];
  }
}

}  // namespace

void conv_unstructured_f32_neon(const SingleArguments& given) {
  const SingleArguments a = given;  // which no float stored can change
  a.vector_count == 1 ? run_planes<1>(a) : run_planes<2>(a);
}

void linear_unstructured_planes_f32_neon(const SingleArguments& given) {
  const SingleArguments a = given;
  a.vector_count == 1 ? run_rows<1>(a) : run_rows<2>(a);
}

}  // namespace apus
#endif
