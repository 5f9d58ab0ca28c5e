#include "kernels/attention/attention.h"

#include "engine/ops/ops.h"

namespace apus {
namespace {

struct AttentionStep {
  Attention kernel;
  int q, k, v, mask, y, scratch;  // mask: -1 for none
  int64_t images, heads, scratch_bytes;
  int64_t q_offset, k_offset, v_offset, q_image, k_image, v_image, y_image;  // floats
  int64_t mask_image, mask_head, mask_query;

  void operator()(Slots s, int part, int parts) const {
    const auto floats = [&](int slot, int64_t at) { return reinterpret_cast<float*>(s[slot]) + at; };
    uint8_t* mine = s[scratch] + part * scratch_bytes;
    const int64_t last = images * heads * (part + 1) / parts;
    for (int64_t at = images * heads * part / parts; at < last;) {
      const int64_t image = at / heads, head = at % heads, until = std::min(heads, head + last - at);
      const AttentionMask hidden{mask < 0 ? nullptr : floats(mask, image * mask_image), mask_head, mask_query};
      kernel.run(floats(q, q_offset + image * q_image), floats(k, k_offset + image * k_image),
                 floats(v, v_offset + image * v_image), hidden, floats(y, image * y_image), mine, head, until);
      at += until - head;
    }
  }
};

// Strides of a mask [image, head, query, key], 0 where it repeats.
void place_mask(AttentionStep& step, const Shape& mask) {
  step.mask_query = mask[2] == 1 ? 0 : mask[3];
  step.mask_head = mask[1] == 1 ? 0 : mask[2] * mask[3];
  step.mask_image = mask[0] == 1 ? 0 : mask[1] * mask[2] * mask[3];
}

}  // namespace

void plan_attention(Builder& b, const Node& node) {
  const Shape &q = b.shape(node.inputs[0]), &k = b.shape(node.inputs[1]), &v = b.shape(node.inputs[2]);
  const Attributes& a = node.attributes;
  const AttentionShape shape{a.heads, a.channels / a.heads, q[1], k[1], q[2], k[2], v[2], a.factor};
  AttentionStep step{Attention(shape, b.isa(), b.accuracy() == Accuracy::fast),
                     b.slot(node.inputs[0]),
                     b.slot(node.inputs[1]),
                     b.slot(node.inputs[2]),
                     -1,
                     b.output_slot(),
                     -1,
                     q[0],
                     a.heads,
                     0,
                     a.offsets[0],
                     a.offsets[1],
                     a.offsets[2],
                     q[1] * q[2],
                     k[1] * k[2],
                     v[1] * v[2],
                     q[1] * a.channels,
                     0,
                     0,
                     0};
  if (node.inputs.size() > 3) {
    step.mask = b.slot(node.inputs[3]);
    place_mask(step, b.shape(node.inputs[3]));
  }
  NodeReport& report = b.report();
  report.kernel = "attention_f32";
  report.isa = step.kernel.isa();
  report.macs = report.nonzero_macs = step.kernel.macs() * q[0];
  const int parts = b.threads_for(step.kernel.cost() * static_cast<double>(q[0]));
  step.scratch_bytes = static_cast<int64_t>(align_up(static_cast<size_t>(step.kernel.scratch_bytes())));
  step.scratch = b.scratch(step.scratch_bytes * parts);
  b.add(std::move(step), parts);
}

}  // namespace apus
