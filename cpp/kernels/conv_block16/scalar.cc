// The reference: one position at a time, in the order of the contract.
#include "kernels/block16/scalar.inc"

namespace apus {
namespace {

template <class X>
using Sum = void (*)(const StripArguments&, const X*, float*);

template <class X, class Y, Sum<X> sum = sum_strip>
void run(const StripArguments& a) {
  float sums[kStrip];
  for (int64_t v = 0; v < a.vector_count; ++v) {
    const PositionVector& vector = a.vectors[v];
    Y* y = static_cast<Y*>(a.y) + vector.y * a.y_position;
    for (int i = 0; i < kVector; ++i) {
      if (!(vector.keep >> i & 1)) continue;
      sum(a, static_cast<const X*>(a.x) + vector.x + i, sums);
      for (int row = 0; row < a.rows; ++row) store(sums[row], a, y + row * a.y_row);
      y += a.y_position;
    }
  }
}

}  // namespace

void conv_block16_f32_f32_scalar(const StripArguments& a) { run<float, float>(a); }
void conv_block16_bf16_f32_scalar(const StripArguments& a) { run<float, float, sum_pairs>(a); }
void conv_block16_u8_u8_scalar(const StripArguments& a) { run<uint8_t, uint8_t>(a); }
void conv_block16_u8_f32_scalar(const StripArguments& a) { run<uint8_t, float>(a); }
void linear_block16_planes_f32_f32_scalar(const StripArguments& a) { run<float, float>(a); }
void linear_block16_planes_bf16_f32_scalar(const StripArguments& a) { run<float, float, sum_pairs>(a); }
void linear_block16_planes_u8_u8_scalar(const StripArguments& a) { run<uint8_t, uint8_t>(a); }
void linear_block16_planes_u8_f32_scalar(const StripArguments& a) { run<uint8_t, float>(a); }

}  // namespace apus
