// The reference: one output at a time, in the order of the contract.
#include "kernels/linear_slots/kernel.h"

namespace apus {
namespace {

float clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

float sum(const SlotArguments& a, const float* x, int64_t strip, int output) {
  float s = static_cast<const float*>(a.bias)[strip * kStrip + output];
  for (uint32_t slot = a.strips[strip]; slot < a.strips[strip + 1]; ++slot) {
    const int64_t at = int64_t{slot} * kStrip + output;
    s += static_cast<const float*>(a.values)[at] * x[a.lines[slot] * (kSlotLine / 4) + a.index[at]];
  }
  return s;
}

}  // namespace

void linear_slots_f32_f32_scalar(const SlotArguments& a) {
  for (int64_t row = 0; row < a.rows; ++row) {
    const auto* x = reinterpret_cast<const float*>(static_cast<const char*>(a.x) + row * a.x_row);
    float* y = static_cast<float*>(a.y) + row * a.y_row;
    for (int64_t strip = 0; strip < a.strip_count; ++strip, y += kStrip) {
      const int outputs = strip + 1 < a.strip_count ? kStrip : a.last_outputs;
      for (int i = 0; i < outputs; ++i) y[i] = clamp(sum(a, x, strip, i), a.low, a.high);
    }
  }
}

}  // namespace apus
