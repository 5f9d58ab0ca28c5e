#include "engine/ops/weighted.h"

#include "engine/ops/activation.h"

namespace apus {

Block16Weights block16_weights(const Model& model, const Node& node, int64_t inputs) {
  Block16Weights w;
  w.outputs = node.attributes.channels;
  w.inputs = inputs;
  w.groups = node.attributes.groups;
  w.strips = model.role(node, kStrips)->items<uint32_t>().data();
  w.columns = model.role(node, kColumns)->data;
  w.wide_columns = model.role(node, kColumns)->dtype == Dtype::uint32;
  w.values = model.role(node, kValues)->data;
  if (const Tensor* bias = model.role(node, kBias)) w.bias = bias->data;
  if (const Tensor* multiplier = model.role(node, kMultiplier)) w.multiplier = multiplier->items<float>().data();
  return w;
}

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

}  // namespace apus
