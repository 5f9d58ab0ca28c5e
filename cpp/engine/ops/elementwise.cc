#include "kernels/elementwise/elementwise.h"

#include <array>

#include "engine/ops/ops.h"

namespace apus {
namespace {

constexpr size_t kOperands = 3;

// The iteration space, outermost first: y is contiguous, operands walk with strides of 0 where they repeat.
struct Dimension {
  int64_t size;
  std::array<int64_t, kOperands> steps;
};

std::vector<Dimension> dimensions_of(const std::vector<Shape>& shapes, const Shape& y) {
  std::vector<Dimension> all;
  std::array<int64_t, kOperands> strides = {1, 1, 1};
  for (size_t i = 0; i < y.size(); ++i) {
    Dimension d{y[y.size() - 1 - i], {}};
    for (size_t k = 0; k < shapes.size(); ++k) {
      const Shape& x = shapes[k];
      const int64_t size = i < x.size() ? x[x.size() - 1 - i] : 1;
      d.steps[k] = size == 1 ? 0 : strides[k];
      strides[k] *= size;
    }
    if (d.size == 1) continue;
    bool joins = !all.empty();
    for (size_t k = 0; joins && k < kOperands; ++k) joins = d.steps[k] == all.back().steps[k] * all.back().size;
    if (joins) {
      all.back().size *= d.size;
    } else {
      all.push_back(d);
    }
  }
  if (all.empty()) all.push_back({1, {}});
  return {all.rbegin(), all.rend()};
}

struct ElementwiseStep {
  ElementwiseKernel run;
  std::array<int, kOperands> slots;
  std::array<int64_t, kOperands> sizes;  // bytes of an element
  int y;
  int64_t y_size;
  std::vector<Dimension> dimensions;

  void operator()(Slots s, int, int) const {
    for (const Dimension& d : dimensions)
      if (d.size == 0) return;
    std::array<const uint8_t*, kOperands> at = {};
    for (size_t k = 0; k < kOperands; ++k) at[k] = slots[k] < 0 ? nullptr : s[slots[k]];
    walk(at, s[y], 0);
  }

  // Returns where the next result goes.
  uint8_t* walk(std::array<const uint8_t*, kOperands> at, uint8_t* to, size_t depth) const {
    const Dimension& d = dimensions[depth];
    if (depth + 1 == dimensions.size()) {
      run(at[0], at[1], at[2], to, d.size, d.steps.data());
      return to + d.size * y_size;
    }
    for (int64_t i = 0; i < d.size; ++i) {
      to = walk(at, to, depth + 1);
      for (size_t k = 0; k < kOperands; ++k)
        if (at[k] != nullptr) at[k] += d.steps[k] * sizes[k];
    }
    return to;
  }
};

}  // namespace

void plan_elementwise(Builder& b, const Node& node) {
  const Elementwise function = node.attributes.elementwise;
  std::vector<Shape> shapes;
  ElementwiseStep step{elementwise_kernel(function, b.dtype(node.inputs.back())), {-1, -1, -1}, {}, -1, 0, {}};
  for (size_t k = 0; k < node.inputs.size(); ++k) {
    shapes.push_back(b.shape(node.inputs[k]));
    step.slots[k] = b.slot(node.inputs[k]);
    step.sizes[k] = dtype_size(b.dtype(node.inputs[k]));
  }
  step.y = b.output_slot();
  step.y_size = dtype_size(b.output().dtype);
  step.dimensions = dimensions_of(shapes, b.output_shape());
  b.report().kernel = std::string("elementwise_") + elementwise_row(function).name;
  b.add(std::move(step));
}

}  // namespace apus
