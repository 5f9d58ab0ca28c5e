// float32 found one by one, and multiplied by fours.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/linear_slots/kernel.h"

namespace apus {
namespace {

#include "kernels/block16/arm_store.inc"

struct Sums {
  float32x4_t v[4];
};

INLINE void add(Sums& s, const SlotArguments& a, const float* x, uint32_t slot) {
  const float* window = x + a.lines[slot] * (kSlotLine / 4);
  const uint8_t* index = a.index + int64_t{slot} * kStrip;
  const float* w = static_cast<const float*>(a.values) + int64_t{slot} * kStrip;
  repeat<4>(EACH(q) {
    float32x4_t found = vld1q_dup_f32(window + index[4 * q]);
    found = vld1q_lane_f32(window + index[4 * q + 1], found, 1);
    found = vld1q_lane_f32(window + index[4 * q + 2], found, 2);
    found = vld1q_lane_f32(window + index[4 * q + 3], found, 3);
    s.v[q] = vfmaq_f32(s.v[q], vld1q_f32(w + 4 * q), found);
  });
}

// Two chains. A slot beyond the last two goes to the first.
INLINE Line sum_strip(const SlotArguments& a, const float* x, int64_t strip) {
  Sums s[2];
  const float* bias = static_cast<const float*>(a.bias) + strip * kStrip;
  repeat<4>(EACH(q) { s[0].v[q] = vld1q_f32(bias + 4 * q), s[1].v[q] = vdupq_n_f32(0); });
  const uint32_t last = a.strips[strip + 1];
  uint32_t slot = a.strips[strip];
  for (; slot + 2 <= last; slot += 2) add(s[0], a, x, slot), add(s[1], a, x, slot + 1);
  if (slot < last) add(s[0], a, x, slot);
  Line line;
  repeat<4>(EACH(q) { vst1q_f32(line.at + 4 * q, vaddq_f32(s[0].v[q], s[1].v[q])); });
  return line;
}

}  // namespace

void linear_slots_f32_f32_neon(const SlotArguments& given) {
  const SlotArguments a = given;  // which no float stored can change
  StripArguments end{};
  end.low = a.low, end.high = a.high;
  for (int64_t row = 0; row < a.rows; ++row) {
    const auto* x = reinterpret_cast<const float*>(static_cast<const char*>(a.x) + row * a.x_row);
    float* y = static_cast<float*>(a.y) + row * a.y_row;
    for (int64_t strip = 0; strip < a.strip_count; ++strip, y += kStrip) {
      const int outputs = strip + 1 < a.strip_count ? kStrip : a.last_outputs;
      store(sum_strip(a, x, strip), end, (1u << outputs) - 1, y);
    }
  }
}

}  // namespace apus
#endif
