// The reference: one position at a time, in the order of the contract.
#include "kernels/unstructured/single.h"

namespace apus {
namespace {

float clamp(float v, float low, float high) { return v < low ? low : v > high ? high : v; }

float sum(const SingleArguments& a, int64_t row, const float* x) {
  float s = a.bias[row];
  for (uint32_t i = a.rows[row]; i < a.rows[row + 1]; ++i) s += a.values[i] * x[a.offsets[i]];
  return s;
}

void run(const SingleArguments& a) {
  for (int64_t v = 0; v < a.vector_count; ++v) {
    float* y = a.y + a.vectors[v].y * a.y_position;
    for (int i = 0; i < kVector; ++i) {
      if (!(a.vectors[v].keep >> i & 1)) continue;
      for (int64_t row = 0; row < a.count; ++row)
        y[row * a.y_row] = clamp(sum(a, row, a.x + v * kVector + i), a.low, a.high);
      y += a.y_position;
    }
  }
}

}  // namespace

void conv_unstructured_f32_scalar(const SingleArguments& a) { run(a); }
void linear_unstructured_planes_f32_scalar(const SingleArguments& a) { run(a); }

}  // namespace apus
