#include "engine/shapes.h"

#include <algorithm>

#include "base/checked.h"
#include "engine/shapes_indexed.h"

namespace apus {
namespace {

constexpr int64_t kMaxItems = int64_t{1} << 40;  // of one value; a plan beyond it is a mistake or an attack

[[noreturn]] void fail(const Node& node, const std::string& what) {
  throw Error(ErrorKind::run, node.title() + ": " + what);
}

// Positions of a window along one axis.
int64_t positions(const Node& node, int64_t size, size_t axis) {
  const Attributes& a = node.attributes;
  const size_t rank = a.kernel.size();
  const int64_t reach = checked_mul(a.dilations[axis], a.kernel[axis] - 1) + 1;
  const int64_t padded = size + a.pads[axis] + a.pads[axis + rank];
  if (padded < reach)
    fail(node, "window of " + std::to_string(reach) + " does not fit in " + std::to_string(padded) + " along axis " +
                   std::to_string(axis + 2));
  const int64_t stride = a.strides[axis];
  if (!a.ceil_mode) return (padded - reach) / stride + 1;
  const int64_t count = (padded - reach + stride - 1) / stride + 1;
  // A window must not start in the padding at the end.
  return (count - 1) * stride >= size + a.pads[axis] ? count - 1 : count;
}

Shape window_shape(const Node& node, const Shape& x, int64_t channels) {
  Shape y = {x[0], channels};
  for (size_t i = 0; i < node.attributes.kernel.size(); ++i) y.push_back(positions(node, x[i + 2], i));
  return y;
}

Shape matmul_shape(const Node& node, Shape a, Shape b) {
  const bool vector_a = a.size() == 1, vector_b = b.size() == 1;
  if (vector_a) a.insert(a.begin(), 1);
  if (vector_b) b.push_back(1);
  if (a.back() != b[b.size() - 2]) fail(node, "cannot multiply " + shape_text(a) + " by " + shape_text(b));
  Shape y = broadcast(node, Shape(a.begin(), a.end() - 2), Shape(b.begin(), b.end() - 2));
  if (!vector_a) y.push_back(a[a.size() - 2]);
  if (!vector_b) y.push_back(b.back());
  return y;
}

Shape reduce_shape(const Attributes& a, const Shape& x) {
  Shape y;
  for (size_t i = 0; i < x.size(); ++i) {
    const bool reduced = std::any_of(a.axes.begin(), a.axes.end(), [&](int64_t axis) {
      return positive_axis(axis, x.size()) == static_cast<int64_t>(i);
    });
    if (!reduced) y.push_back(x[i]);
    if (reduced && a.keepdims) y.push_back(1);
  }
  return y;
}

Shape reshape_shape(const Node& node, const Shape& x) {
  Shape y = node.attributes.shape;
  int64_t known = 1, *open = nullptr;
  for (size_t i = 0; i < y.size(); ++i) {
    if (y[i] == 0) y[i] = x[i];
    if (y[i] == -1) {
      open = &y[i];
    } else {
      known = checked_mul(known, y[i]);
    }
  }
  const int64_t items = items_of(x);
  if (open != nullptr) *open = known > 0 ? items / known : 0;
  if (items_of(y) != items) fail(node, "cannot reshape " + shape_text(x) + " to " + shape_text(node.attributes.shape));
  return y;
}

Shape flatten_shape(const Attributes& a, const Shape& x) {
  const int64_t axis = a.axis < 0 ? a.axis + static_cast<int64_t>(x.size()) : a.axis;
  return {checked_items(std::span(x).first(static_cast<size_t>(axis))),
          checked_items(std::span(x).subspan(static_cast<size_t>(axis)))};
}

Shape concat_shape(const Node& node, const std::vector<Shape>& inputs) {
  Shape y = inputs[0];
  const size_t axis = static_cast<size_t>(positive_axis(node.attributes.axis, y.size()));
  y[axis] = 0;
  for (const Shape& x : inputs) {
    bool fits = x.size() == y.size();
    for (size_t i = 0; fits && i < x.size(); ++i) fits = i == axis || x[i] == y[i];
    if (!fits) fail(node, "cannot join " + shape_text(inputs[0]) + " and " + shape_text(x));
    y[axis] = checked_add(y[axis], x[axis]);
  }
  return y;
}

Shape pad_shape(const Node& node, Shape y) {
  const Attributes& a = node.attributes;
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t before = a.pads[i], after = a.pads[i + y.size()];
    const bool reflects = a.mode == PadMode::reflect && (before >= y[i] || after >= y[i]) && before + after > 0;
    const bool repeats = a.mode == PadMode::edge && y[i] == 0 && before + after > 0;
    if (reflects || repeats)
      fail(node, "dimension " + std::to_string(i) + " of " + shape_text(y) + " is too small for its padding");
    y[i] += before + after;
  }
  return y;
}

Shape slice_shape(const Attributes& a, Shape y) {
  const Shape x = y;
  for (size_t i = 0; i < a.axes.size(); ++i) {
    const size_t axis = static_cast<size_t>(positive_axis(a.axes[i], x.size()));
    y[axis] = slice_range(x[axis], a.starts[i], a.ends[i], a.steps[i]).count;
  }
  return y;
}

Shape layer_norm_shape(const Node& node, const std::vector<Shape>& inputs) {
  for (const Shape& x : inputs)
    if (x != inputs[0]) fail(node, "cannot add " + shape_text(inputs[0]) + " and " + shape_text(x));
  return inputs[0];
}

// q [N, Sq, .], k and v [N, Sk, .], mask [N or 1, heads or 1, Sq or 1, Sk].
Shape attention_shape(const Node& node, const std::vector<Shape>& inputs) {
  const Shape &q = inputs[0], &k = inputs[1], &v = inputs[2];
  if (q[0] != k[0] || q[0] != v[0] || k[1] != v[1])
    fail(node, "queries " + shape_text(q) + ", keys " + shape_text(k) + " and values " + shape_text(v) + " disagree");
  if (inputs.size() > 3) {
    const Shape &mask = inputs[3], full = {q[0], node.attributes.heads, q[1], k[1]};
    for (size_t i = 0; i < 4; ++i)
      if (mask[i] != full[i] && (i == 3 || mask[i] != 1))
        fail(node, "mask " + shape_text(mask) + " does not fit scores " + shape_text(full));
  }
  return {q[0], q[1], node.attributes.channels};
}

// h [B, H], gates [T, B, G H] and, of an LSTM, c [B, H]: the states after every step.
Shape recurrent_shape(const Node& node, const std::vector<Shape>& inputs) {
  const Shape &h = inputs[0], &x = inputs[1];
  const int64_t cells = static_cast<int64_t>(inputs.size()) - 1;
  if (x[1] != h[0] || x[2] != node.attributes.channels || (cells == 2 && inputs[2] != h))
    fail(node, "gates " + shape_text(x) + " do not fit the state " + shape_text(h));
  return {x[0], x[1], cells * h[1]};
}

// With the axis of length `size`, or without it.
Shape axis_shape(const Node& node, Shape x, int64_t size) {
  const Attributes& a = node.attributes;
  const size_t axis = static_cast<size_t>(positive_axis(a.axis, x.size()));
  if (node.op == Op::top_k ? a.k > x[axis] : x[axis] == 0)
    fail(node, "axis " + std::to_string(a.axis) + " of " + shape_text(x) + " is too short");
  x[axis] = size;
  if (node.op == Op::arg && !a.keepdims) x.erase(x.begin() + static_cast<int64_t>(axis));
  return x;
}

Shape infer(const Model& model, const Node& node, const std::vector<Shape>& inputs) {
  const Attributes& a = node.attributes;
  const Shape& x = inputs[0];
  switch (node.op) {
    case Op::conv:
      return window_shape(node, x, a.channels);
    case Op::max_pool:
    case Op::avg_pool:
      return window_shape(node, x, x[1]);
    case Op::linear: {
      Shape y = x;
      if (y.back() != model.values[node.inputs[0].index].shape.back().size)
        fail(node, "input " + shape_text(x) + " has the wrong last dimension");
      y.back() = a.channels;
      return y;
    }
    case Op::matmul:
      return matmul_shape(node, inputs[0], inputs[1]);
    case Op::layer_norm:
      return layer_norm_shape(node, inputs);
    case Op::attention:
      return attention_shape(node, inputs);
    case Op::recurrent:
      return recurrent_shape(node, inputs);
    case Op::binary:
      return broadcast(node, inputs[0], inputs[1]);
    case Op::reduce:
      return reduce_shape(a, x);
    case Op::reshape:
      return reshape_shape(node, x);
    case Op::flatten:
      return flatten_shape(a, x);
    case Op::transpose: {
      Shape y;
      for (int64_t axis : a.perm) y.push_back(x[static_cast<size_t>(axis)]);
      return y;
    }
    case Op::concat:
      return concat_shape(node, inputs);
    case Op::pad:
      return pad_shape(node, x);
    case Op::slice:
      return slice_shape(a, x);
    case Op::elementwise: {
      Shape y = x;
      for (size_t i = 1; i < inputs.size(); ++i) y = broadcast(node, y, inputs[i]);
      return y;
    }
    case Op::gather:
      return gather_shape(node, x, inputs[1]);
    case Op::gather_elements:
      return element_shape(node, x, inputs[1]);
    case Op::gather_nd:
      return tuple_shape(node, x, inputs[1]);
    case Op::scatter_elements:
    case Op::scatter_nd:
      return scatter_shape(node, x, inputs[1], inputs[2]);
    case Op::arg:
      return axis_shape(node, x, 1);
    case Op::top_k:
      return axis_shape(node, x, a.k);
    default:
      return x;
  }
}

}  // namespace

Shape infer_shape(const Model& model, const Node& node, const std::vector<Shape>& inputs) {
  const Shape y = infer(model, node, inputs);
  if (items_of(y) > kMaxItems) fail(node, "result " + shape_text(y) + " is too large");
  return y;
}

Shape broadcast(const Node& node, const Shape& a, const Shape& b) {
  Shape y(std::max(a.size(), b.size()));
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1, db = i < b.size() ? b[b.size() - 1 - i] : 1;
    if (da != db && da != 1 && db != 1) fail(node, "cannot broadcast " + shape_text(a) + " with " + shape_text(b));
    y[y.size() - 1 - i] = da == 1 ? db : da;
  }
  return y;
}

Window conv_window(const Attributes& a, const Shape& x, const Shape& y) {
  Window w;
  w.channels = x[1];
  const size_t rank = a.kernel.size(), shift = 2 - rank;  // a 1-D window is the second axis of ours
  w.height = rank == 2 ? x[2] : 1;
  w.out_height = rank == 2 ? y[2] : 1;
  w.width = x.back();
  w.out_width = y.back();
  for (size_t i = 0; i < rank; ++i) {
    w.kernel[i + shift] = a.kernel[i];
    w.strides[i + shift] = a.strides[i];
    w.dilations[i + shift] = a.dilations[i];
    w.pads[i + shift] = a.pads[i];
    w.pads[i + shift + 2] = a.pads[i + rank];
  }
  return w;
}

PoolWindow pool_window(const Attributes& a, const Shape& x, const Shape& y) {
  const Window w = conv_window(a, x, y);
  PoolWindow p{w.height, w.width, w.out_height, w.out_width, {}, {}, {}, {}, a.count_include_pad};
  std::copy_n(w.kernel, 2, p.kernel);
  std::copy_n(w.strides, 2, p.strides);
  std::copy_n(w.dilations, 2, p.dilations);
  std::copy_n(w.pads, 4, p.pads);
  return p;
}

SliceRange slice_range(int64_t size, int64_t start, int64_t end, int64_t step) {
  if (start < 0) start += size;
  if (end < 0) end += size;
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? size : size - 1;
  start = std::clamp(start, step > 0 ? int64_t{0} : std::min<int64_t>(0, high), high);
  end = std::clamp(end, std::min(low, high), high);
  const int64_t count = step > 0 ? (end - start + step - 1) / step : (start - end - step - 1) / -step;
  return {start, step, size == 0 ? 0 : std::max<int64_t>(0, count)};
}

int64_t items_of(const Shape& shape) { return checked_items(shape); }

int64_t positive_axis(int64_t axis, size_t rank) { return axis < 0 ? axis + static_cast<int64_t>(rank) : axis; }

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (size_t i = 0; i < shape.size(); ++i) text += (i > 0 ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace apus
