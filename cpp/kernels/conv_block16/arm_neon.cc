// float32 by fused multiply-add, and uint8 x int8 widened to int16 and added up in 32 bits: sums are exact.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/conv_block16/arm_store.inc"

// One column: 8 weights, 8 positions.
template <bool to_rows>
INLINE void add_column(Floats& f, const float32x4_t (&w)[2], const float* x) {
  const float32x4_t v[2] = {vld1q_f32(x), vld1q_f32(x + 4)};
  repeat<8>(EACH(i) {
    repeat<2>(EACH(h) {
      const float32x4_t vector = to_rows ? w[h] : v[h], lanes = to_rows ? v[i / 4] : w[i / 4];
      f.v[i][h] = vfmaq_laneq_f32(f.v[i][h], vector, lanes, i % 4);
    });
  });
}

template <bool to_rows>
INLINE Floats accumulate_f32(const StripArguments& a, int64_t position, int row) {
  const float* x = static_cast<const float*>(a.x) + position;
  const float* w = static_cast<const float*>(a.values) + row;
  Floats f = spread<to_rows, float32x4_t>(static_cast<const float*>(a.bias) + row);
  for (int64_t g = 0; g < a.groups; ++g, w += 16) {
    const float32x4_t weights[2] = {vld1q_f32(w), vld1q_f32(w + 4)};
    add_column<to_rows>(f, weights, x + a.offsets[g]);
  }
  return f;
}

// Pairs of bfloat16, which are the upper halves of float32.
template <bool to_rows>
INLINE Floats accumulate_bf16(const StripArguments& a, int64_t position, int row) {
  const float* x = static_cast<const float*>(a.x) + position;
  const uint16_t* w = static_cast<const uint16_t*>(a.values) + 2 * row;
  Floats f = spread<to_rows, float32x4_t>(static_cast<const float*>(a.bias) + row);
  for (int64_t g = 0; g < a.groups; ++g, w += 32) {
    float32x4_t first[2], second[2];
    repeat<2>(EACH(h) {
      const uint32x4_t pairs = vreinterpretq_u32_u16(vld1q_u16(w + 8 * h));
      first[h] = vreinterpretq_f32_u32(vshlq_n_u32(pairs, 16));
      second[h] = vreinterpretq_f32_u32(vandq_u32(pairs, vdupq_n_u32(0xFFFF0000)));
    });
    add_column<to_rows>(f, first, x + a.offsets[2 * g]);
    add_column<to_rows>(f, second, x + a.offsets[2 * g + 1]);
  }
  return f;
}

// The four columns of 8 outputs come apart as they are loaded; a byte fits int16 whatever its sign.
template <bool to_rows>
INLINE Sums accumulate_u8(const StripArguments& a, int64_t position, int row) {
  const uint8_t* x = static_cast<const uint8_t*>(a.x) + position;
  const int8_t* w = static_cast<const int8_t*>(a.values) + 4 * row;
  Sums s = spread<to_rows, int32x4_t>(static_cast<const int32_t*>(a.bias) + row);
  for (int64_t g = 0; g < a.groups; ++g, w += 64) {
    const int8x8x4_t weights = vld4_s8(w);
    repeat<4>(EACH(c) {
      const int16x8_t outputs = vmovl_s8(weights.val[c]);
      const int16x8_t positions = vreinterpretq_s16_u16(vmovl_u8(vld1_u8(x + a.offsets[4 * g + c])));
      const int16x8_t vector = to_rows ? outputs : positions, lanes = to_rows ? positions : outputs;
      repeat<8>(EACH(i) {
        s.v[i][0] = vmlal_laneq_s16(s.v[i][0], vget_low_s16(vector), lanes, i);
        s.v[i][1] = vmlal_high_laneq_s16(s.v[i][1], vector, lanes, i);
      });
    });
  }
  return s;
}

}  // namespace

void conv_block16_f32_f32_neon(const StripArguments& a) { run<accumulate_f32<false>, false, float>(a); }
void conv_block16_bf16_f32_neon(const StripArguments& a) { run<accumulate_bf16<false>, false, float>(a); }
void conv_block16_u8_u8_neon(const StripArguments& a) { run<accumulate_u8<false>, false, uint8_t>(a); }
void conv_block16_u8_f32_neon(const StripArguments& a) { run<accumulate_u8<false>, false, float>(a); }
void linear_block16_planes_f32_f32_neon(const StripArguments& a) { run<accumulate_f32<true>, true, float>(a); }
void linear_block16_planes_bf16_f32_neon(const StripArguments& a) { run<accumulate_bf16<true>, true, float>(a); }
void linear_block16_planes_u8_u8_neon(const StripArguments& a) { run<accumulate_u8<true>, true, uint8_t>(a); }
void linear_block16_planes_u8_f32_neon(const StripArguments& a) { run<accumulate_u8<true>, true, float>(a); }

}  // namespace apus
#endif
