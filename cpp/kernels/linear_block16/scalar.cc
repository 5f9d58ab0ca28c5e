// The reference: one output at a time, in the order of the contract.
#include <cmath>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

float sum_row(const StripArguments& a, int row, const float* x) {
  float sum = static_cast<const float*>(a.bias)[row];
  const float* values = static_cast<const float*>(a.values);
  for (int64_t g = 0; g < a.groups; ++g) sum += values[g * kStrip + row] * x[a.offsets[g]];
  return sum;
}

float sum_row(const StripArguments& a, int row, const uint8_t* x) {
  uint32_t sum = static_cast<const uint32_t*>(a.bias)[row];  // unsigned: may wrap on its way to an int32 result
  const int8_t* values = static_cast<const int8_t*>(a.values);
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

template <class X, class Y>
void run(const StripArguments& a) {
  for (int64_t n = 0; n < a.vector_count; ++n) {
    const X* x = static_cast<const X*>(a.x) + n * a.x_position;
    Y* y = static_cast<Y*>(a.y) + n * a.y_position;
    for (int row = 0; row < a.rows; ++row) store(sum_row(a, row, x), a, y + row);
  }
}

}  // namespace

void linear_block16_rows_f32_f32_scalar(const StripArguments& a) { run<float, float>(a); }
void linear_block16_rows_u8_u8_scalar(const StripArguments& a) { run<uint8_t, uint8_t>(a); }
void linear_block16_rows_u8_f32_scalar(const StripArguments& a) { run<uint8_t, float>(a); }

}  // namespace apus
