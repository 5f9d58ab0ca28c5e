#include "engine/ops/weighted.h"

#include <algorithm>

#include "engine/ops/activation.h"

namespace apus {

Epilogue epilogue_of(const Builder& b, const Node& node) {
  const Value &x = b.value(node.inputs[0]), &y = b.output();
  Epilogue e;
  e.x = x.quantised ? Element::u8 : Element::f32;
  e.y = y.quantised ? Element::u8 : Element::f32;
  e.x_zero_point = x.quantised ? x.zero_point : 0;
  e.y_zero_point = y.quantised ? y.zero_point : 0;
  const Limits limits = y.quantised ? byte_limits(node.attributes, y) : float_limits(node.attributes);
  e.low = limits.low;
  e.high = limits.high;
  return e;
}

int64_t weight_bytes(const Model& model, const Node& node) {
  int64_t bytes = 0;
  for (int role = 0; role < kRoleCount; ++role)
    if (const Tensor* tensor = model.role(node, static_cast<Role>(role))) bytes += tensor->length;
  return bytes;
}

void describe(Builder& builder, const Node& node, const Operator& kernel, int64_t images, int threads) {
  NodeReport& report = builder.report();
  report.kernel = kernel.kernel();
  report.isa = kernel.isa();
  report.macs = kernel.macs() * images;
  report.nonzero_macs = kernel.nonzero_macs() * images;
  report.density = report.macs > 0 ? static_cast<double>(report.nonzero_macs) / static_cast<double>(report.macs) : 1;
  report.weight_bytes = weight_bytes(builder.model(), node);
  report.imbalance = images == 1 && threads > 1 ? kernel.imbalance() : 0;
}

void add_images(Builder& b, const Node& node, const std::vector<Candidate>& candidates, Images work) {
  const Choice chosen = choose(b, candidates, {work.images, work.x_bytes, work.y_bytes});
  describe(b, node, *chosen.kernel, work.images, chosen.threads);
  work.kernel = chosen.kernel;
  const int threads = chosen.threads;
  const int parts = static_cast<int>(std::min<int64_t>(threads, std::max<int64_t>(work.images, 1)));
  work.scratch_bytes = static_cast<int64_t>(align_up(static_cast<size_t>(work.kernel->scratch_bytes())));
  const bool owns = work.kernel->owns_scratch();
  work.scratch = work.scratch_bytes > 0 ? b.scratch(work.scratch_bytes * (owns ? threads : parts)) : -1;
  if (work.images != 1 || threads == 1) return b.add(work, parts);
  if (work.scratch_bytes > 0 && !owns) b.add(StageImage{work}, threads);
  b.add(ComputeImage{work}, threads);
}

}  // namespace apus
