// int8 x int8 by sdot: x is centred, its bias made up for that; sums are exact.
#if defined(__aarch64__)
#if !defined(__ARM_FEATURE_DOTPROD)
#error "arm_dotprod.cc is compiled without the dot product"
#endif
#include <arm_neon.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/conv_block16/arm_store.inc"

// 8 positions of four columns, [position][column], less 128.
struct Positions {
  int8x16_t v[2];
};

INLINE Positions interleaved(const uint8_t* x, const int32_t* offsets) {
  const uint8x16_t sign = vdupq_n_u8(128);
  const uint8x16_t low = veorq_u8(vzip1q_u8(vld1q_u8(x + offsets[0]), vld1q_u8(x + offsets[1])), sign);
  const uint8x16_t high = veorq_u8(vzip1q_u8(vld1q_u8(x + offsets[2]), vld1q_u8(x + offsets[3])), sign);
  const uint16x8_t a = vreinterpretq_u16_u8(low), b = vreinterpretq_u16_u8(high);
  return {{vreinterpretq_s8_u16(vzip1q_u16(a, b)), vreinterpretq_s8_u16(vzip2q_u16(a, b))}};
}

template <bool to_rows>
INLINE Sums accumulate(const StripArguments& a, int64_t position, int row) {
  const uint8_t* x = static_cast<const uint8_t*>(a.x) + position;
  const int8_t* w = static_cast<const int8_t*>(a.values) + 4 * row;
  Sums s = spread<to_rows, int32x4_t>(static_cast<const int32_t*>(a.bias) + row);
  for (int64_t g = 0; g < a.groups; ++g, w += 64) {
    const Positions positions = interleaved(x, a.offsets + 4 * g);
    const int8x16_t outputs[2] = {vld1q_s8(w), vld1q_s8(w + 16)};
    repeat<8>(EACH(i) {
      repeat<2>(EACH(h) {
        const int8x16_t vector = to_rows ? outputs[h] : positions.v[h];
        const int8x16_t lanes = to_rows ? positions.v[i / 4] : outputs[i / 4];
        s.v[i][h] = vdotq_laneq_s32(s.v[i][h], vector, lanes, i % 4);
      });
    });
  }
  return s;
}

}  // namespace

void conv_block16_u8_u8_dotprod(const StripArguments& a) { run<accumulate<false>, false, uint8_t>(a); }
void conv_block16_u8_f32_dotprod(const StripArguments& a) { run<accumulate<false>, false, float>(a); }
void linear_block16_planes_u8_u8_dotprod(const StripArguments& a) { run<accumulate<true>, true, uint8_t>(a); }
void linear_block16_planes_u8_f32_dotprod(const StripArguments& a) { run<accumulate<true>, true, float>(a); }

}  // namespace apus
#endif
