// Operators whose operand names places: gather, gather_elements, gather_nd, scatter_elements, scatter_nd.
#include "kernels/gather/gather.h"

#include <numeric>

#include "engine/ops/copy.h"
#include "engine/ops/ops.h"

namespace apus {
namespace {

std::vector<int64_t> strides_of(const Shape& shape) {
  std::vector<int64_t> strides(shape.size(), 1);
  for (size_t i = shape.size(); i-- > 1;) strides[i - 1] = strides[i] * shape[i];
  return strides;
}

void note(Fault& fault, int64_t index) {
  if (index != kNoFault) fault.value.store(index, std::memory_order_relaxed);
}

template <class Walk>
struct GatherStep {
  Walk walk;
  int x, indices, y;
  std::shared_ptr<Fault> fault;
  void operator()(Slots s, int, int) const {
    if constexpr (requires { walk.run(s[x], s[indices], s[y]); }) {
      note(*fault, walk.run(s[x], s[indices], s[y]));
    } else {
      note(*fault, walk.gather(s[x], s[indices], s[y]));
    }
  }
};

template <class Walk>
struct ScatterStep {
  Walk walk;
  int y, indices, updates;
  Combine combine;
  Dtype dtype;
  std::shared_ptr<Fault> fault;
  void operator()(Slots s, int, int) const { note(*fault, walk.scatter(s[y], s[indices], s[updates], combine, dtype)); }
};

template <class Walk>
void add_gather(Builder& b, const Node& node, Walk walk) {
  b.report().kernel = "gather_" + std::to_string(8 * dtype_size(b.output().dtype)) + "bit";
  b.add(GatherStep<Walk>{std::move(walk), b.slot(node.inputs[0]), b.slot(node.inputs[1]), b.output_slot(),
                         b.fault("an index is out of range: ")});
}

template <class Walk>
void add_scatter(Builder& b, const Node& node, Walk walk) {
  const int64_t bytes = items_of(b.output_shape()) * dtype_size(b.output().dtype);
  b.report().kernel = "scatter_" + std::to_string(8 * dtype_size(b.output().dtype)) + "bit";
  const int y = b.output_slot();
  b.add(CopyBytes{b.slot(node.inputs[0]), y, bytes});
  b.add(ScatterStep<Walk>{std::move(walk), y, b.slot(node.inputs[1]), b.slot(node.inputs[2]), node.attributes.combine,
                          b.output().dtype, b.fault("an index is out of range: ")});
}

bool is_wide(const Builder& b, const Node& node) { return b.dtype(node.inputs[1]) == Dtype::int64; }

ElementWalk element_walk(const Builder& b, const Node& node) {
  const Shape& x = b.shape(node.inputs[0]);
  const int64_t axis = positive_axis(node.attributes.axis, x.size());
  return {b.shape(node.inputs[1]),      strides_of(x),   axis, x[static_cast<size_t>(axis)],
          dtype_size(b.output().dtype), is_wide(b, node)};
}

TupleWalk tuple_walk(const Builder& b, const Node& node) {
  const Shape &x = b.shape(node.inputs[0]), &indices = b.shape(node.inputs[1]);
  const auto batch = x.begin() + node.attributes.batch_dims, inner = batch + indices.back();
  TupleWalk walk{};
  walk.dims.assign(batch, inner);
  walk.batch = items_of(Shape(x.begin(), batch));
  walk.n = items_of(Shape(indices.begin() + node.attributes.batch_dims, indices.end() - 1));
  walk.inner = items_of(Shape(inner, x.end()));
  walk.element = dtype_size(b.output().dtype);
  walk.wide = is_wide(b, node);
  return walk;
}

}  // namespace

void plan_gather(Builder& b, const Node& node) {
  const Shape& x = b.shape(node.inputs[0]);
  const auto axis = x.begin() + positive_axis(node.attributes.axis, x.size());
  add_gather(b, node,
             GatherAxis{items_of(Shape(x.begin(), axis)), *axis, items_of(Shape(axis + 1, x.end())),
                        items_of(b.shape(node.inputs[1])), dtype_size(b.output().dtype), is_wide(b, node)});
}

void plan_gather_elements(Builder& b, const Node& node) { add_gather(b, node, element_walk(b, node)); }

void plan_gather_nd(Builder& b, const Node& node) { add_gather(b, node, tuple_walk(b, node)); }

void plan_scatter_elements(Builder& b, const Node& node) { add_scatter(b, node, element_walk(b, node)); }

void plan_scatter_nd(Builder& b, const Node& node) { add_scatter(b, node, tuple_walk(b, node)); }

}  // namespace apus
