// float32 by fused multiply-add, and int8 x int8 by pairs of products added up in 32 bits: sums are exact.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/linear_block16/arm_store.inc"

// Four chains for each quarter of the strip: a fused multiply-add takes four cycles, and there are two a cycle or more.
INLINE Floats accumulate_f32(const StripArguments& a, const float* x) {
  const float* w = static_cast<const float*>(a.values);
  float32x4_t s[4][4];
  repeat<16>(EACH(i) { s[i / 4][i % 4] = vdupq_n_f32(0); });
  repeat<4>(EACH(q) { s[0][q] = vld1q_f32(static_cast<const float*>(a.bias) + 4 * q); });
  const auto add = [&](auto chain, int64_t g) __attribute__((always_inline)) {
    const float column = x[a.offsets[g]];
    repeat<4>(EACH(q) { s[chain][q] = vfmaq_n_f32(s[chain][q], vld1q_f32(w + 16 * chain + 4 * q), column); });
  };
  int64_t g = 0;
  for (; g + 4 <= a.groups; g += 4, w += 64) repeat<4>(EACH(i) { add(i, g + i); });
  for (; g < a.groups; ++g, w += 16) add(Index<0>{}, g);
  Floats f;
  repeat<4>(EACH(q) { f.v[q] = vaddq_f32(vaddq_f32(s[0][q], s[1][q]), vaddq_f32(s[2][q], s[3][q])); });
  return f;
}

// Pairs of bfloat16, which are the upper halves of float32. A group has two chains.
INLINE Floats accumulate_bf16(const StripArguments& a, const float* x) {
  const uint16_t* w = static_cast<const uint16_t*>(a.values);
  float32x4_t s[4][4];
  repeat<16>(EACH(i) { s[i / 4][i % 4] = vdupq_n_f32(0); });
  repeat<4>(EACH(q) { s[0][q] = vld1q_f32(static_cast<const float*>(a.bias) + 4 * q); });
  const auto add = [&](auto i, int64_t g) __attribute__((always_inline)) {
    const float first = x[a.offsets[2 * g]], second = x[a.offsets[2 * g + 1]];
    repeat<4>(EACH(q) {
      const uint32x4_t pairs = vreinterpretq_u32_u16(vld1q_u16(w + 32 * i + 8 * q));
      const uint32x4_t upper = vandq_u32(pairs, vdupq_n_u32(0xFFFF0000));
      s[2 * i][q] = vfmaq_n_f32(s[2 * i][q], vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16)), first);
      s[2 * i + 1][q] = vfmaq_n_f32(s[2 * i + 1][q], vreinterpretq_f32_u32(upper), second);
    });
  };
  int64_t g = 0;
  for (; g + 2 <= a.groups; g += 2, w += 64) repeat<2>(EACH(i) { add(i, g + i); });
  if (g < a.groups) add(Index<0>{}, g);
  Floats f;
  repeat<4>(EACH(q) { f.v[q] = vaddq_f32(vaddq_f32(s[0][q], s[1][q]), vaddq_f32(s[2][q], s[3][q])); });
  return f;
}

// Sums of two outputs a register, each as two halves; a pair of products is at most 2^15 and fits once it is added up.
template <bool runs>
INLINE Sums accumulate_u8(const StripArguments& a, const uint8_t* x) {
  const int8_t* w = static_cast<const int8_t*>(a.values);
  int32x4_t s[8];
  repeat<8>(EACH(i) { s[i] = vdupq_n_s32(0); });
  for (int64_t g = 0; g < a.groups; ++g, w += 64) {
    const int8x16_t v = vreinterpretq_s8_u32(vdupq_n_u32(centred<runs>(x, a.offsets + 4 * g)));
    repeat<4>(EACH(q) {
      const int8x16_t weights = vld1q_s8(w + 16 * q);
      s[2 * q] = vpadalq_s16(s[2 * q], vmull_s8(vget_low_s8(weights), vget_low_s8(v)));
      s[2 * q + 1] = vpadalq_s16(s[2 * q + 1], vmull_high_s8(weights, v));
    });
  }
  Sums sums;
  repeat<4>(EACH(q) {
    const int32x4_t bias = vld1q_s32(static_cast<const int32_t*>(a.bias) + 4 * q);
    sums.v[q] = vaddq_s32(vpaddq_s32(s[2 * q], s[2 * q + 1]), bias);
  });
  return sums;
}

}  // namespace

void linear_block16_rows_f32_f32_neon(const StripArguments& a) { run<accumulate_f32, float, float>(a); }
void linear_block16_rows_bf16_f32_neon(const StripArguments& a) { run<accumulate_bf16, float, float>(a); }
void linear_block16_runs_u8_u8_neon(const StripArguments& a) { run<accumulate_u8<true>, uint8_t, uint8_t>(a); }
void linear_block16_runs_u8_f32_neon(const StripArguments& a) { run<accumulate_u8<true>, uint8_t, float>(a); }
void linear_block16_rows_u8_u8_neon(const StripArguments& a) { run<accumulate_u8<false>, uint8_t, uint8_t>(a); }
void linear_block16_rows_u8_f32_neon(const StripArguments& a) { run<accumulate_u8<false>, uint8_t, float>(a); }

}  // namespace apus
#endif
