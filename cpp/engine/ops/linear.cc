#include "engine/ops/activation.h"
#include "engine/ops/ops.h"
#include "engine/ops/weighted.h"
#include "kernels/linear_block16/linear_block16.h"

namespace apus {

void plan_linear(Builder& b, const Node& node) {
  const Shape& x = b.shape(node.inputs[0]);
  const int64_t inputs = x.back(), rows = items_of(x) / inputs;
  auto kernel = std::make_shared<const LinearBlock16>(block16_weights(b.model(), node, inputs), rows,
                                                      epilogue_of(b, node), b.isa());
  describe(b, node, *kernel, 1, kernel->nonzero_macs());
  add_images(b, Images<LinearBlock16>{kernel, b.slot(node.inputs[0]), b.output_slot(), -1, rows > 0 ? 1 : 0, 0, 0, 0});
  if (needs_pass(node.attributes))
    add_unary(b, node.attributes, b.output_slot(), b.output_slot(), items_of(b.output_shape()));
}

}  // namespace apus
