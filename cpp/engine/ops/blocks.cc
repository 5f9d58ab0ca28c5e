#include "engine/ops/blocks.h"

#include <map>
#include <mutex>

#include "kernels/block16/packed.h"

namespace apus {
namespace {

// What both kinds call the same.
template <class Weights>
Weights common(const Model& model, const Node& node, int64_t inputs) {
  Weights w;
  w.outputs = node.attributes.channels;
  w.inputs = inputs;
  w.groups = node.attributes.groups;
  w.columns = model.role(node, kColumns)->data;
  w.wide_columns = model.role(node, kColumns)->dtype == Dtype::uint32;
  w.values = model.role(node, kValues)->data;
  if (const Tensor* bias = model.role(node, kBias)) w.bias = bias->data;
  if (const Tensor* multiplier = model.role(node, kMultiplier)) w.multiplier = multiplier->items<float>().data();
  return w;
}

Block16Weights block16_weights(const Model& model, const Node& node, int64_t inputs) {
  auto w = common<Block16Weights>(model, node, inputs);
  w.strips = model.role(node, kStrips)->items<uint32_t>().data();
  w.runs = node.attributes.format == Format::block16x4;
  const Tensor& values = *model.role(node, kValues);
  w.bf16 = values.dtype == Dtype::uint16;
  if (values.dtype == Dtype::uint8) w.bits = static_cast<int>(values.shape[1] / 8);
  return w;
}

}  // namespace

UnstructuredWeights unstructured_weights(const Model& model, const Node& node, int64_t inputs) {
  auto w = common<UnstructuredWeights>(model, node, inputs);
  w.rows = model.role(node, kStrips)->items<uint32_t>().data();
  return w;
}

NodeBlocks::NodeBlocks(const Model& model, const Node& node, int64_t inputs, Element x) : x_(x) {
  if (node.attributes.format == Format::unstructured)
    single_ = unstructured_weights(model, node, inputs);
  else
    blocks_ = block16_weights(model, node, inputs);
}

std::shared_ptr<const NodeBlocks> NodeBlocks::unpacked(const Block16Weights& blocks) {
  static std::mutex guard;
  static std::map<const void*, std::weak_ptr<const NodeBlocks>> kept;
  const std::lock_guard<std::mutex> lock(guard);
  std::erase_if(kept, [](const auto& each) { return each.second.expired(); });
  if (const auto found = kept.find(blocks.values); found != kept.end()) return found->second.lock();
  const int64_t strips = (blocks.outputs / blocks.groups + kStrip - 1) / kStrip * blocks.groups;
  const int64_t groups = blocks.strips[strips];
  auto made = std::make_shared<NodeBlocks>(blocks);
  made->bytes_ = AlignedBuffer::hot(static_cast<size_t>(groups * 4 * kStrip + kSlack));
  unpack_groups(blocks, 0, groups, reinterpret_cast<int8_t*>(made->bytes_.data()));
  made->blocks_->bits = 8;
  made->blocks_->values = made->bytes_.data();
  kept[blocks.values] = made;
  return made;
}

Block16Weights NodeBlocks::outline() const {
  if (blocks_) return *blocks_;
  Block16Weights w;
  w.outputs = single_.outputs, w.inputs = single_.inputs, w.groups = single_.groups;
  return w;
}

const Block16Weights& NodeBlocks::weights() const {
  if (!blocks_) {
    made_ = std::make_unique<const UnstructuredBlocks>(single_, x_);
    blocks_ = made_->weights();
  }
  return *blocks_;
}

}  // namespace apus
