#include "kernels/layer_norm/layer_norm.h"

#include "engine/ops/copy.h"
#include "engine/ops/ops.h"

namespace apus {
namespace {

struct LayerNormStep {
  const LayerNormTable* table;
  int x, skip, y;  // skip: -1 for none
  const float *scale, *bias;
  int64_t rows, count;
  float epsilon;
  void operator()(Slots s, int part, int parts) const {
    const int64_t first = rows * part / parts, last = rows * (part + 1) / parts, at = first * count;
    const auto floats = [&](int slot) { return reinterpret_cast<float*>(s[slot]) + at; };
    table->run({floats(x), skip < 0 ? nullptr : floats(skip), scale, bias, floats(y), last - first, count, epsilon});
  }
};

}  // namespace

void plan_layer_norm(Builder& b, const Node& node) {
  const int64_t count = b.output_shape().back(), items = items_of(b.output_shape());
  const bool skips = node.inputs.size() > 1;
  const Tensor* bias = b.model().role(node, kBias);
  LayerNormStep step{&layer_norm_table(b.isa()),
                     b.slot(node.inputs[0]),
                     skips ? b.slot(node.inputs[1]) : -1,
                     -1,
                     b.model().role(node, kMultiplier)->items<float>().data(),
                     bias != nullptr ? bias->items<float>().data() : nullptr,
                     count > 0 ? items / count : 0,
                     count,
                     node.attributes.epsilon};
  if (!b.reuse(node.inputs[0]) && skips) b.reuse(node.inputs[1]);
  step.y = b.output_slot();
  b.report().kernel = "layer_norm_f32";
  b.report().isa = step.table->isa;
  b.add(step, b.threads_for(static_cast<double>(items)));
}

}  // namespace apus
