// Shapes of results, from the concrete shapes of a node's inputs (SPEC.md §5).
#pragma once

#include <vector>

#include "engine/model.h"
#include "kernels/planes/planes.h"
#include "kernels/pool/pool.h"

namespace apus {

using Shape = std::vector<int64_t>;

// Throws Error(run) where the inputs do not fit the node, or the result is too large to hold.
Shape infer_shape(const Model& model, const Node& node, const std::vector<Shape>& inputs);

// NumPy's broadcasting.
Shape broadcast(const Node& node, const Shape& a, const Shape& b);

// The window of a conv or pool over x of shape [N, C, ...]; a 1-D one gets a height of 1.
Window conv_window(const Attributes& attributes, const Shape& x, const Shape& y);
PoolWindow pool_window(const Attributes& attributes, const Shape& x, const Shape& y);

// One axis of a slice, after ONNX's rules of clamping.
struct SliceRange {
  int64_t start, step, count;
};
SliceRange slice_range(int64_t size, int64_t start, int64_t end, int64_t step);

int64_t items_of(const Shape& shape);
int64_t positive_axis(int64_t axis, size_t rank);
std::string shape_text(const Shape& shape);

}  // namespace apus
