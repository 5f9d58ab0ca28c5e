// Operators that change the dtype: quantize, dequantize, cast.
#include "engine/ops/copy.h"
#include "engine/ops/ops.h"
#include "kernels/cast/cast.h"

namespace apus {
namespace {

// int8 <-> quantised uint8: 128 is added to the value, which is flipping the top bit either way.
void flip_sign(const void* x, void* y, int64_t items) {
  const uint8_t* from = static_cast<const uint8_t*>(x);
  uint8_t* to = static_cast<uint8_t*>(y);
  for (int64_t i = 0; i < items; ++i) to[i] = from[i] ^ 0x80;
}

struct CastStep {
  CastKernel run;
  int x, y;
  int64_t items, x_size, y_size;
  void operator()(Slots s, int part, int parts) const {
    const Range r = share(items, part, parts);
    run(s[x] + r.first * x_size, s[y] + r.first * y_size, r.last - r.first);
  }
};

}  // namespace

void plan_cast(Builder& b, const Node& node) {
  const Value &x = b.value(node.inputs[0]), &y = b.output();
  const CastKernel run = x.quantised || y.quantised ? flip_sign : cast_kernel(x.dtype, y.dtype);
  const int64_t items = items_of(b.output_shape());
  b.add(CastStep{run, b.slot(node.inputs[0]), b.output_slot(), items, dtype_size(x.dtype), dtype_size(y.dtype)},
        b.threads_for(static_cast<double>(items)));
}

void plan_quantize(Builder& b, const Node& node) {
  const int64_t items = items_of(b.output_shape());
  b.report().isa = quantize_table(b.isa()).isa;
  b.add(Quantize{&quantize_table(b.isa()), b.slot(node.inputs[0]), b.output_slot(), items, b.output().scale,
                 b.output().zero_point},
        b.threads_for(static_cast<double>(items)));
}

void plan_dequantize(Builder& b, const Node& node) {
  const Value& x = b.value(node.inputs[0]);
  const int64_t items = items_of(b.output_shape());
  b.report().isa = quantize_table(b.isa()).isa;
  b.add(Dequantize{&quantize_table(b.isa()), b.slot(node.inputs[0]), b.output_slot(), items, x.scale, x.zero_point},
        b.threads_for(static_cast<double>(items) / 2));
}

}  // namespace apus
