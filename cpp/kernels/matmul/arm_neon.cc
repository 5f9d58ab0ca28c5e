// Tiles of 8 rows x 8 columns in 16 registers: of a, four steps of k are loaded at once, and each is a lane.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/matmul/matmul.h"

namespace apus {
namespace {

#include "kernels/block16/repeat.inc"

constexpr int64_t kColumns = 8;

template <int R>
INLINE void store(const float32x4_t (&sum)[R][2], float* y, int64_t pitch, int64_t columns) {
  repeat<R>(EACH(r) {
    if (__builtin_expect(columns >= kColumns, 1)) {
      vst1q_f32(y + r * pitch, sum[r][0]), vst1q_f32(y + r * pitch + 4, sum[r][1]);
      return;
    }
    float all[kColumns];
    vst1q_f32(all, sum[r][0]), vst1q_f32(all + 4, sum[r][1]);
    for (int64_t n = 0; n < columns; ++n) y[r * pitch + n] = all[n];
  });
}

// y[0..R, 0..columns). `a` and `y` point at the tile, `b` at its columns.
template <int R>
INLINE void tile(const MatmulArguments& p, const float* a, const float* b, float* y, int64_t columns) {
  float32x4_t sum[R][2];
  repeat<R>(EACH(r) { sum[r][0] = sum[r][1] = vdupq_n_f32(0); });
  int64_t k = 0;
  for (; k + 4 <= p.k; k += 4) {
    float32x4_t left[R];
    repeat<R>(EACH(r) { left[r] = vld1q_f32(a + r * p.a_pitch + k); });
    repeat<4>(EACH(step) {
      const float32x4_t b0 = vld1q_f32(b), b1 = vld1q_f32(b + 4);
      b += p.b_pitch;
      repeat<R>(EACH(r) {
        sum[r][0] = vfmaq_laneq_f32(sum[r][0], b0, left[r], step);
        sum[r][1] = vfmaq_laneq_f32(sum[r][1], b1, left[r], step);
      });
    });
  }
  for (; k < p.k; ++k, b += p.b_pitch) {
    const float32x4_t b0 = vld1q_f32(b), b1 = vld1q_f32(b + 4);
    repeat<R>(EACH(r) {
      sum[r][0] = vfmaq_n_f32(sum[r][0], b0, a[r * p.a_pitch + k]);
      sum[r][1] = vfmaq_n_f32(sum[r][1], b1, a[r * p.a_pitch + k]);
    });
  }
  store<R>(sum, y, p.y_pitch, columns);
}

template <int R>
int64_t rows(const MatmulArguments& p, int64_t row) {
  for (; row + R <= p.m; row += R) {
    for (int64_t n = 0; n < p.n; n += kColumns)
      tile<R>(p, p.a + row * p.a_pitch, p.b + n, p.y + row * p.y_pitch + n, p.n - n);
  }
  return row;
}

}  // namespace

void matmul_f32_neon(const MatmulArguments& given) {
  const MatmulArguments p = given;  // which nothing stored can change
  rows<1>(p, rows<4>(p, rows<8>(p, 0)));
}

}  // namespace apus
#endif
