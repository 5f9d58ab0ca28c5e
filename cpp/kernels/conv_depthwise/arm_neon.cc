// float32 by fused multiply-add, and uint8 x int8 widened to int16 and added up in 32 bits: sums are exact.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/block16/arm_store.inc"

INLINE Line sum_taps(const StripArguments& a, const float* x) {
  const float* w = static_cast<const float*>(a.values);
  float32x4_t s[4];
  repeat<4>(EACH(q) { s[q] = vdupq_n_f32(*static_cast<const float*>(a.bias)); });
  for (int64_t tap = 0; tap < a.groups; ++tap) {
    const float* from = x + a.offsets[tap];
    repeat<4>(EACH(q) { s[q] = vfmaq_n_f32(s[q], vld1q_f32(from + 4 * q), w[tap]); });
  }
  Line line;
  repeat<4>(EACH(q) { vst1q_f32(line.at + 4 * q, s[q]); });
  return line;
}

// A byte fits int16 whatever its sign.
INLINE Line sum_taps(const StripArguments& a, const uint8_t* x) {
  const int8_t* w = static_cast<const int8_t*>(a.values);
  int32x4_t s[4];
  repeat<4>(EACH(q) { s[q] = vdupq_n_s32(*static_cast<const int32_t*>(a.bias)); });
  for (int64_t tap = 0; tap < 4 * a.groups; ++tap) {
    const uint8x16_t bytes = vld1q_u8(x + a.offsets[tap]);
    const int16x8_t low = vreinterpretq_s16_u16(vmovl_u8(vget_low_u8(bytes)));
    const int16x8_t high = vreinterpretq_s16_u16(vmovl_high_u8(bytes));
    const int16x8_t weight = vdupq_n_s16(w[tap]);
    s[0] = vmlal_s16(s[0], vget_low_s16(low), vget_low_s16(weight));
    s[1] = vmlal_high_s16(s[1], low, weight);
    s[2] = vmlal_s16(s[2], vget_low_s16(high), vget_low_s16(weight));
    s[3] = vmlal_high_s16(s[3], high, weight);
  }
  Line line;
  repeat<4>(EACH(q) { vst1q_f32(line.at + 4 * q, vmulq_n_f32(vcvtq_f32_s32(s[q]), *a.multiplier)); });
  return line;
}

template <class X, class Y>
INLINE void run(const StripArguments& given) {
  const StripArguments a = given;  // which nothing stored can change
  for (int64_t v = 0; v < a.vector_count; ++v) {
    const Line line = sum_taps(a, static_cast<const X*>(a.x) + a.vectors[v].x);
    store(line, a, a.vectors[v].keep, static_cast<Y*>(a.y) + a.vectors[v].y);
  }
}

}  // namespace

void conv_depthwise_f32_f32_neon(const StripArguments& a) { run<float, float>(a); }
void conv_depthwise_u8_u8_neon(const StripArguments& a) { run<uint8_t, uint8_t>(a); }
void conv_depthwise_u8_f32_neon(const StripArguments& a) { run<uint8_t, float>(a); }

}  // namespace apus
#endif
