// The reference: one output at a time, in the order of the contract.
#include <cmath>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

float sum_taps(const StripArguments& a, const float* x) {
  float sum = *static_cast<const float*>(a.bias);
  for (int64_t tap = 0; tap < a.groups; ++tap) sum += static_cast<const float*>(a.values)[tap] * x[a.offsets[tap]];
  return sum;
}

float sum_taps(const StripArguments& a, const uint8_t* x) {
  uint32_t sum = *static_cast<const uint32_t*>(a.bias);  // unsigned: may wrap on its way to an int32 result
  for (int64_t tap = 0; tap < a.groups * 4; ++tap) {
    sum += static_cast<uint32_t>(static_cast<const int8_t*>(a.values)[tap] * x[a.offsets[tap]]);
  }
  return static_cast<float>(static_cast<int32_t>(sum)) * *a.multiplier;
}

float clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

void store(float v, const StripArguments& a, float* y) { *y = clamp(v, a.low, a.high); }

// Bounds are integers, so clamping before rounding is the same, and never overflows.
void store(float v, const StripArguments& a, uint8_t* y) {
  const float zero = static_cast<float>(a.y_zero_point);
  *y = static_cast<uint8_t>(static_cast<int>(std::nearbyint(clamp(v, a.low - zero, a.high - zero))) + a.y_zero_point);
}

template <class X, class Y>
void run(const StripArguments& a) {
  for (int64_t v = 0; v < a.vector_count; ++v) {
    const PositionVector& vector = a.vectors[v];
    Y* y = static_cast<Y*>(a.y) + vector.y;
    for (int i = 0; i < kVector; ++i) {
      if (vector.keep >> i & 1) store(sum_taps(a, static_cast<const X*>(a.x) + vector.x + i), a, y++);
    }
  }
}

}  // namespace

void conv_depthwise_f32_f32_scalar(const StripArguments& a) { run<float, float>(a); }
void conv_depthwise_u8_u8_scalar(const StripArguments& a) { run<uint8_t, uint8_t>(a); }
void conv_depthwise_u8_f32_scalar(const StripArguments& a) { run<uint8_t, float>(a); }

}  // namespace apus
