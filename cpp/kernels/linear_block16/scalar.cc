// The reference: one position at a time, in the order of the contract.
#include <cmath>
#include <cstring>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

// The 16 sums of a strip at x, which points at position 0 of its first column.
void sum_strip(const StripArguments& a, const float* x, float* sums) {
  std::memcpy(sums, a.bias, kStrip * sizeof(float));
  const float* w = static_cast<const float*>(a.values);
  for (int64_t g = 0; g < a.groups; ++g, w += kStrip) {
    for (int row = 0; row < kStrip; ++row) sums[row] += w[row] * x[a.offsets[g]];
  }
}

void sum_strip(const StripArguments& a, const uint8_t* x, float* sums) {
  uint32_t exact[kStrip];  // unsigned: may wrap on its way to an int32 result
  std::memcpy(exact, a.bias, sizeof(exact));
  const int8_t* w = static_cast<const int8_t*>(a.values);
  for (int64_t i = 0; i < a.groups * 4; ++i) {
    const int32_t column = x[a.offsets[i]];
    for (int row = 0; row < kStrip; ++row) {
      exact[row] += static_cast<uint32_t>(w[(i / 4 * kStrip + row) * 4 + i % 4] * column);
    }
  }
  for (int row = 0; row < kStrip; ++row) {
    sums[row] = static_cast<float>(static_cast<int32_t>(exact[row])) * a.multiplier[row];
  }
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
  float sums[kStrip];
  for (int64_t n = 0; n < a.vector_count; ++n) {
    sum_strip(a, static_cast<const X*>(a.x) + n * a.x_position, sums);
    for (int row = 0; row < a.rows; ++row) store(sums[row], a, static_cast<Y*>(a.y) + n * a.y_position + row);
  }
}

}  // namespace

void linear_block16_rows_f32_f32_scalar(const StripArguments& a) { run<float, float>(a); }
void linear_block16_rows_u8_u8_scalar(const StripArguments& a) { run<uint8_t, uint8_t>(a); }
void linear_block16_rows_u8_f32_scalar(const StripArguments& a) { run<uint8_t, float>(a); }

}  // namespace apus
