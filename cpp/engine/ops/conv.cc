#include "engine/ops/activation.h"
#include "engine/ops/blocks.h"
#include "engine/ops/ops.h"
#include "engine/ops/weighted.h"
#include "kernels/conv_block16/conv_block16.h"
#include "kernels/conv_dense/conv_dense.h"
#include "kernels/conv_depthwise/conv_depthwise.h"
#include "kernels/conv_depthwise_rows/conv_depthwise_rows.h"
#include "kernels/conv_slots/conv_slots.h"
#include "kernels/conv_unstructured/conv_unstructured.h"

namespace apus {
namespace {

void add_conv(Builder& b, const Node& node, const std::vector<Candidate>& kernels) {
  const Shape &x = b.shape(node.inputs[0]), &y = b.output_shape();
  Images work{nullptr, b.slot(node.inputs[0]), b.output_slot(), -1, x[0], 0, 0, 0};
  if (x[0] > 0) {
    work.x_bytes = items_of(x) / x[0] * dtype_size(b.value(node.inputs[0]).dtype);
    work.y_bytes = items_of(y) / y[0] * dtype_size(b.output().dtype);
  }
  add_images(b, node, kernels, std::move(work));
  if (needs_pass(node.attributes)) add_unary(b, node.attributes, b.output_slot(), b.output_slot(), items_of(y));
}

std::shared_ptr<const Operator> depthwise_kernel(Builder& b, const Node& node, const Window& window) {
  DepthwiseWeights w;
  w.outputs = node.attributes.channels;
  w.values = b.model().role(node, kValues)->data;
  if (const Tensor* bias = b.model().role(node, kBias)) w.bias = bias->data;
  if (const Tensor* multiplier = b.model().role(node, kMultiplier)) w.multiplier = multiplier->items<float>().data();
  const Epilogue epilogue = epilogue_of(b, node);
  if (ConvDepthwiseRows::serves(window, epilogue, b.isa()))
    return std::make_shared<const ConvDepthwiseRows>(w, window, epilogue, b.isa());
  return std::make_shared<const ConvDepthwise>(w, window, epilogue, b.isa());
}

std::vector<Candidate> conv_kernels(const Builder& b, const Node& node, int64_t inputs, const Window& window,
                                    const Epilogue& epilogue) {
  const Isa isa = b.isa();
  const int threads = b.threads();
  const auto blocks = std::make_shared<const NodeBlocks>(b.model(), node, inputs, epilogue.x);
  std::vector<Candidate> found{[=] { return make_over<ConvBlock16>(blocks, window, epilogue, isa, threads); }};
  // Over few positions a tile costs more than it multiplies; float32 weights have none.
  if (isa == Isa::amx && (epilogue.x == Element::u8 || blocks->outline().bf16))
    found.push_back([=] { return make_over<ConvBlock16>(blocks, window, epilogue, Isa::bf16, threads); });
  if (const Block16Weights outline = blocks->outline(); ConvDense::serves(outline, window, epilogue, isa))
    found.push_back([=] { return make_over<ConvDense>(blocks, window, epilogue, isa, threads); });
  if (node.attributes.format != Format::unstructured) return found;
  const UnstructuredWeights single = unstructured_weights(b.model(), node, inputs);
  if (ConvSlots::serves(single, window, epilogue, isa))
    found.push_back([=] { return std::make_shared<const ConvSlots>(single, window, epilogue, isa, threads); });
  if (single.few(0.2) && ConvUnstructured::serves(single, window, epilogue))
    found.push_back([=] { return std::make_shared<const ConvUnstructured>(single, window, epilogue, isa, threads); });
  return found;
}

}  // namespace

void plan_conv(Builder& b, const Node& node) {
  const Shape& x = b.shape(node.inputs[0]);
  const Window window = conv_window(node.attributes, x, b.output_shape());
  if (node.attributes.format == Format::depthwise) {
    return add_conv(b, node, {[kernel = depthwise_kernel(b, node, window)] { return kernel; }});
  }
  const int64_t inputs = x[1] / node.attributes.groups * window.kernel[0] * window.kernel[1];
  add_conv(b, node, conv_kernels(b, node, inputs, window, epilogue_of(b, node)));
}

}  // namespace apus
