// Operators that move elements and compute nothing: reshape, flatten, transpose, concat, pad, slice.
#include "kernels/layout/layout.h"

#include "engine/ops/copy.h"
#include "engine/ops/ops.h"
#include "kernels/cast/cast.h"

namespace apus {
namespace {

struct StridedStep {
  StridedCopy copy;
  int x, y;
  void operator()(Slots s, int part, int parts) const { copy.run(s[x], s[y], part, parts); }
};

struct GatherStep {
  GatherCopy copy;
  int x, y;
  void operator()(Slots s, int, int) const { copy.run(s[x], s[y]); }
};

struct FillStep {
  int y, element;
  int64_t items;
  uint64_t value;
  void operator()(Slots s, int, int) const { fill(s[y], items, element, &value); }
};

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * std::max<int64_t>(shape[i], 1);
  return strides;
}

void add_copy(Builder& b, StridedCopy copy, int x, int y) {
  copy.element = dtype_size(b.output().dtype);
  copy.simplify();
  const double cost = static_cast<double>(copy.items());
  const bool splits = !copy.dimensions.empty() && copy.dimensions[0].size > 1;
  b.report().kernel = "layout_copy";
  b.add(StridedStep{std::move(copy), x, y}, splits ? b.threads_for(cost) : 1);
}

// Where input i of a concat lands in y.
StridedCopy joined(const Shape& x, const Shape& y, size_t axis, int64_t position) {
  StridedCopy copy;
  const auto from = strides_of(x), to = strides_of(y);
  for (size_t i = 0; i < x.size(); ++i) copy.dimensions.push_back({x[i], from[i], to[i]});
  copy.to_offset = position * to[axis];
  return copy;
}

// Index into x of position i of a padded axis.
int64_t source_index(PadMode mode, int64_t i, int64_t size) {
  if (mode == PadMode::edge || size == 1) return std::clamp<int64_t>(i, 0, size - 1);
  const int64_t mirrored = i < 0 ? -i : i;
  return mirrored >= size ? 2 * (size - 1) - mirrored : mirrored;
}

void plan_mirrored(Builder& b, const Node& node) {
  const Shape &x = b.shape(node.inputs[0]), &y = b.output_shape();
  const auto strides = strides_of(x);
  GatherCopy copy;
  copy.element = dtype_size(b.output().dtype);
  for (size_t i = 0; i < x.size(); ++i) {
    std::vector<int64_t>& table = copy.tables.emplace_back();
    for (int64_t j = 0; j < y[i]; ++j)
      table.push_back(source_index(node.attributes.mode, j - node.attributes.pads[i], x[i]) * strides[i]);
  }
  b.report().kernel = "layout_gather";
  b.add(GatherStep{std::move(copy), b.slot(node.inputs[0]), b.output_slot()});
}

uint64_t pad_bits(const Value& y, float value) {
  uint64_t bits = 0;
  if (!y.quantised) {
    cast_kernel(Dtype::float32, y.dtype)(&value, &bits, 1);
  } else {
    uint8_t byte;
    quantize_table(Isa::scalar).quantize(&value, &byte, 1, y.scale, y.zero_point);
    bits = byte;
  }
  return bits;
}

}  // namespace

void plan_reshape(Builder& b, const Node& node) {
  b.report().kernel = "view";
  if (b.view(node.inputs[0])) return;
  b.report().kernel = "layout_copy";
  b.add(CopyBytes{b.slot(node.inputs[0]), b.output_slot(), items_of(b.output_shape()) * dtype_size(b.output().dtype)});
}

void plan_transpose(Builder& b, const Node& node) {
  const Shape &x = b.shape(node.inputs[0]), &y = b.output_shape();
  const auto from = strides_of(x), to = strides_of(y);
  StridedCopy copy;
  for (size_t i = 0; i < y.size(); ++i)
    copy.dimensions.push_back({y[i], from[static_cast<size_t>(node.attributes.perm[i])], to[i]});
  add_copy(b, std::move(copy), b.slot(node.inputs[0]), b.output_slot());
}

void plan_slice(Builder& b, const Node& node) {
  const Attributes& a = node.attributes;
  const Shape &x = b.shape(node.inputs[0]), &y = b.output_shape();
  const auto from = strides_of(x), to = strides_of(y);
  StridedCopy copy;
  for (size_t i = 0; i < y.size(); ++i) copy.dimensions.push_back({y[i], from[i], to[i]});
  for (size_t i = 0; i < a.axes.size(); ++i) {
    const size_t axis = static_cast<size_t>(positive_axis(a.axes[i], x.size()));
    const SliceRange range = slice_range(x[axis], a.starts[i], a.ends[i], a.steps[i]);
    copy.dimensions[axis].from *= range.step;
    copy.from_offset += range.start * from[axis];
  }
  add_copy(b, std::move(copy), b.slot(node.inputs[0]), b.output_slot());
}

void plan_concat(Builder& b, const Node& node) {
  const Shape& y = b.output_shape();
  const size_t axis = static_cast<size_t>(positive_axis(node.attributes.axis, y.size()));
  const auto same = [&](Operand o) {
    return b.value(o).scale == b.output().scale && b.value(o).zero_point == b.output().zero_point;
  };
  const bool moves = !b.output().quantised || std::all_of(node.inputs.begin(), node.inputs.end(), same);
  const int to = moves ? b.output_slot() : b.float_output_slot();
  int64_t position = 0;
  for (Operand operand : node.inputs) {
    const Shape& x = b.shape(operand);
    StridedCopy copy = joined(x, y, axis, position);
    const int from = moves ? b.slot(operand) : b.float_slot(operand);
    copy.element = moves ? dtype_size(b.output().dtype) : 4;
    copy.simplify();
    b.report().kernel = "layout_copy";
    b.add(StridedStep{std::move(copy), from, to});
    position += x[axis];
  }
  if (!moves) b.finish_float();
}

void plan_pad(Builder& b, const Node& node) {
  const Attributes& a = node.attributes;
  if (a.mode != PadMode::constant) return plan_mirrored(b, node);
  const Shape &x = b.shape(node.inputs[0]), &y = b.output_shape();
  b.add(FillStep{b.output_slot(), dtype_size(b.output().dtype), items_of(y), pad_bits(b.output(), a.value)});
  const auto from = strides_of(x), to = strides_of(y);
  StridedCopy copy;
  for (size_t i = 0; i < x.size(); ++i) {
    copy.dimensions.push_back({x[i], from[i], to[i]});
    copy.to_offset += a.pads[i] * to[i];
  }
  add_copy(b, std::move(copy), b.slot(node.inputs[0]), b.output_slot());
}

}  // namespace apus
