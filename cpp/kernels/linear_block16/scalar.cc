// The reference: one position at a time, in the order of the contract.
#include "kernels/block16/scalar.inc"

namespace apus {
namespace {

template <class X>
using Sum = void (*)(const StripArguments&, const X*, float*);

template <class X, class Y, Sum<X> sum = sum_strip>
void run(const StripArguments& a) {
  float sums[kStrip];
  for (int64_t n = 0; n < a.vector_count; ++n) {
    sum(a, static_cast<const X*>(a.x) + n * a.x_position, sums);
    for (int row = 0; row < a.rows; ++row) store(sums[row], a, static_cast<Y*>(a.y) + n * a.y_position + row);
  }
}

}  // namespace

void linear_block16_rows_f32_f32_scalar(const StripArguments& a) { run<float, float>(a); }
void linear_block16_rows_bf16_f32_scalar(const StripArguments& a) { run<float, float, sum_pairs>(a); }
void linear_block16_rows_u8_u8_scalar(const StripArguments& a) { run<uint8_t, uint8_t>(a); }
void linear_block16_rows_u8_f32_scalar(const StripArguments& a) { run<uint8_t, float>(a); }

}  // namespace apus
