#include "kernels/softmax/softmax.h"

#include "engine/ops/ops.h"

namespace apus {
namespace {

struct SoftmaxStep {
  SoftmaxTable::Kernel run;
  int x, y, scratch;
  int64_t outer, count, inner, scratch_bytes;
  void operator()(Slots s, int part, int parts) const {
    const int64_t first = outer * part / parts, last = outer * (part + 1) / parts, at = first * count * inner;
    run(reinterpret_cast<const float*>(s[x]) + at, reinterpret_cast<float*>(s[y]) + at, last - first, count, inner,
        reinterpret_cast<float*>(s[scratch] + part * scratch_bytes));
  }
};

}  // namespace

void plan_softmax(Builder& b, const Node& node) {
  const Shape& shape = b.shape(node.inputs[0]);
  const auto axis = positive_axis(node.attributes.axis, shape.size());
  const SoftmaxTable& table = softmax_table(b.isa());
  SoftmaxStep step{b.accuracy() == Accuracy::fast ? table.fast : table.run,
                   b.float_slot(node.inputs[0]),
                   -1,
                   -1,
                   1,
                   shape[static_cast<size_t>(axis)],
                   1,
                   0};
  step.outer = items_of(Shape(shape.begin(), shape.begin() + axis));
  step.inner = items_of(Shape(shape.begin() + axis + 1, shape.end()));
  if (!b.output().quantised) b.reuse(node.inputs[0]);
  step.y = b.float_output_slot();
  const int parts = b.threads_for(static_cast<double>(items_of(shape)) * 3);
  step.scratch_bytes = static_cast<int64_t>(align_up(static_cast<size_t>(step.inner) * 8));
  step.scratch = b.scratch(step.scratch_bytes * parts);
  b.report().kernel = "softmax_f32";
  b.report().isa = table.isa;
  b.add(step, parts);
  b.finish_float();
}

}  // namespace apus
