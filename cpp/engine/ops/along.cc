// Operators along one axis: arg, cumulative, top_k.
#include "kernels/along/along.h"

#include "engine/ops/ops.h"

namespace apus {
namespace {

Span3 span_of(const Shape& x, int64_t axis) {
  const auto at = x.begin() + positive_axis(axis, x.size());
  return {items_of(Shape(x.begin(), at)), *at, items_of(Shape(at + 1, x.end()))};
}

struct ArgStep {
  ArgKernel run;
  Span3 span;
  bool last;
  int x, y;
  void operator()(Slots s, int, int) const { run(s[x], reinterpret_cast<int64_t*>(s[y]), span, last); }
};

struct CumulativeStep {
  CumulativeKernel run;
  Span3 span;
  bool exclusive, reverse;
  int x, y;
  void operator()(Slots s, int, int) const { run(s[x], s[y], span, exclusive, reverse); }
};

struct TopStep {
  TopKernel run;
  Span3 span;
  int64_t k;
  bool positions;
  int x, y, order;
  void operator()(Slots s, int, int) const {
    run(s[x], s[y], span, k, positions, reinterpret_cast<int64_t*>(s[order]));
  }
};

}  // namespace

void plan_arg(Builder& b, const Node& node) {
  const Attributes& a = node.attributes;
  const Operand x = node.inputs[0];
  b.report().kernel = a.largest ? "arg_max" : "arg_min";
  b.add(ArgStep{arg_kernel(a.largest, b.dtype(x)), span_of(b.shape(x), a.axis), a.last, b.slot(x), b.output_slot()});
}

void plan_cumulative(Builder& b, const Node& node) {
  const Attributes& a = node.attributes;
  const Operand x = node.inputs[0];
  b.report().kernel = a.folding == Folding::sum ? "cumulative_sum" : "cumulative_prod";
  b.add(CumulativeStep{cumulative_kernel(a.folding, b.dtype(x)), span_of(b.shape(x), a.axis), a.exclusive, a.reverse,
                       b.slot(x), b.output_slot()});
}

void plan_top_k(Builder& b, const Node& node) {
  const Attributes& a = node.attributes;
  const Operand x = node.inputs[0];
  const Span3 span = span_of(b.shape(x), a.axis);
  b.report().kernel = a.positions ? "top_k_positions" : "top_k_values";
  b.add(TopStep{top_kernel(a.largest, b.dtype(x)), span, a.k, a.positions, b.slot(x), b.output_slot(),
                b.scratch(span.count * 8)});
}

}  // namespace apus
