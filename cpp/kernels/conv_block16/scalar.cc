// The reference: one output at a time, in the order of the contract.
#include <cmath>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

float sum_f32(const StripArguments& a, int row, int64_t position) {
  float sum = static_cast<const float*>(a.bias)[row];
  const float* values = static_cast<const float*>(a.values);
  const float* x = static_cast<const float*>(a.x) + position;
  for (int64_t g = 0; g < a.groups; ++g) sum += values[g * kStrip + row] * x[a.offsets[g]];
  return sum;
}

float sum_u8(const StripArguments& a, int row, int64_t position) {
  uint32_t sum = static_cast<const uint32_t*>(a.bias)[row];  // unsigned: may wrap on its way to an int32 result
  const int8_t* values = static_cast<const int8_t*>(a.values);
  const uint8_t* x = static_cast<const uint8_t*>(a.x) + position;
  for (int64_t i = 0; i < a.groups * 4; ++i) {
    sum += static_cast<uint32_t>(values[(i / 4 * kStrip + row) * 4 + i % 4] * x[a.offsets[i]]);
  }
  return static_cast<float>(static_cast<int32_t>(sum)) * a.multiplier[row];
}

float clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

void store(float v, const StripArguments& a, float* y) { *y = clamp(v, a.low, a.high); }

// Bounds are integers, so clamping before rounding is the same, and never overflows.
void store(float v, const StripArguments& a, uint8_t* y) {
  const float zero = static_cast<float>(a.y_zero_point);
  *y = static_cast<uint8_t>(static_cast<int>(std::nearbyint(clamp(v, a.low - zero, a.high - zero))) + a.y_zero_point);
}

template <float (*sum)(const StripArguments&, int, int64_t), class Y>
void run(const StripArguments& a) {
  for (int64_t v = 0; v < a.vector_count; ++v) {
    const PositionVector& vector = a.vectors[v];
    for (int row = 0; row < a.rows; ++row) {
      Y* y = static_cast<Y*>(a.y) + row * a.y_row + vector.y * a.y_position;
      for (int i = 0; i < kVector; ++i) {
        if (!(vector.keep >> i & 1)) continue;
        store(sum(a, row, vector.x + i), a, y);
        y += a.y_position;
      }
    }
  }
}

}  // namespace

void conv_block16_f32_f32_scalar(const StripArguments& a) { run<sum_f32, float>(a); }
void conv_block16_u8_u8_scalar(const StripArguments& a) { run<sum_u8, uint8_t>(a); }
void conv_block16_u8_f32_scalar(const StripArguments& a) { run<sum_u8, float>(a); }
void linear_block16_planes_f32_f32_scalar(const StripArguments& a) { run<sum_f32, float>(a); }
void linear_block16_planes_u8_u8_scalar(const StripArguments& a) { run<sum_u8, uint8_t>(a); }
void linear_block16_planes_u8_f32_scalar(const StripArguments& a) { run<sum_u8, float>(a); }

}  // namespace apus
