// Operators that change the dtype: quantize, dequantize, cast.
#include "engine/ops/copy.h"
#include "engine/ops/ops.h"

namespace apus {
namespace {

using CastKernel = void (*)(const void* x, void* y, int64_t items);

template <class From, class To>
To convert(From value) {
  if constexpr (std::is_same_v<To, bool>) return value != From{};
  // Out of range is undefined in C++; clamp instead, so that every ISA gives the same.
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    const double low = static_cast<double>(std::numeric_limits<To>::min()),
                 high = static_cast<double>(std::numeric_limits<To>::max());
    const double d = static_cast<double>(value);
    if (!(d > low)) return std::numeric_limits<To>::min();
    return d >= high ? std::numeric_limits<To>::max() : static_cast<To>(value);
  }
  return static_cast<To>(value);
}

template <class From, class To>
void cast_items(const void* x, void* y, int64_t items) {
  const From* from = static_cast<const From*>(x);
  To* to = static_cast<To*>(y);
  for (int64_t i = 0; i < items; ++i) to[i] = convert<From, To>(from[i]);
}

template <class From>
CastKernel kernel_from(Dtype to) {
  switch (to) {
    case Dtype::float32:
      return cast_items<From, float>;
    case Dtype::uint8:
      return cast_items<From, uint8_t>;
    case Dtype::int8:
      return cast_items<From, int8_t>;
    case Dtype::int32:
      return cast_items<From, int32_t>;
    case Dtype::int64:
      return cast_items<From, int64_t>;
    default:
      return cast_items<From, bool>;
  }
}

CastKernel kernel_of(Dtype from, Dtype to) {
  switch (from) {
    case Dtype::float32:
      return kernel_from<float>(to);
    case Dtype::uint8:
      return kernel_from<uint8_t>(to);
    case Dtype::int8:
      return kernel_from<int8_t>(to);
    case Dtype::int32:
      return kernel_from<int32_t>(to);
    case Dtype::int64:
      return kernel_from<int64_t>(to);
    default:
      return kernel_from<uint8_t>(to);
  }
}

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
  const CastKernel run = x.quantised || y.quantised ? flip_sign : kernel_of(x.dtype, y.dtype);
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
