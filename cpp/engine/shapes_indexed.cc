#include "engine/shapes_indexed.h"

namespace apus {
namespace {

[[noreturn]] void fail(const Node& node, const std::string& what) {
  throw Error(ErrorKind::run, node.title() + ": " + what);
}

}  // namespace

Shape gather_shape(const Node& node, const Shape& x, const Shape& indices) {
  const auto axis = x.begin() + positive_axis(node.attributes.axis, x.size());
  Shape y(x.begin(), axis);
  y.insert(y.end(), indices.begin(), indices.end());
  y.insert(y.end(), axis + 1, x.end());
  return y;
}

Shape element_shape(const Node& node, const Shape& x, const Shape& indices) {
  const size_t axis = static_cast<size_t>(positive_axis(node.attributes.axis, x.size()));
  for (size_t i = 0; i < x.size(); ++i)
    if (i != axis && indices[i] > x[i]) fail(node, "indices " + shape_text(indices) + " reach beyond " + shape_text(x));
  return indices;
}

Shape tuple_shape(const Node& node, const Shape& x, const Shape& indices) {
  const size_t batch = static_cast<size_t>(node.attributes.batch_dims);
  bool fits = indices.size() > batch && x.size() > batch;
  for (size_t i = 0; fits && i < batch; ++i) fits = indices[i] == x[i];
  fits = fits && indices.back() >= 0 && indices.back() <= static_cast<int64_t>(x.size() - batch);
  if (!fits) fail(node, "indices " + shape_text(indices) + " do not fit " + shape_text(x));
  Shape y(indices.begin(), indices.end() - 1);
  y.insert(y.end(), x.begin() + static_cast<int64_t>(batch) + indices.back(), x.end());
  return y;
}

Shape scatter_shape(const Node& node, const Shape& x, const Shape& indices, const Shape& updates) {
  const Shape wanted = node.op == Op::scatter_nd ? tuple_shape(node, x, indices) : element_shape(node, x, indices);
  if (wanted != updates) fail(node, "updates " + shape_text(updates) + " should be " + shape_text(wanted));
  return x;
}

}  // namespace apus
