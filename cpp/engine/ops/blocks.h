// The weights of conv and linear as the kernels over blocks take them: the artifact's own, or made of single ones.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "engine/model.h"
#include "kernels/operator.h"
#include "kernels/unstructured/blocks.h"

namespace apus {

UnstructuredWeights unstructured_weights(const Model& model, const Node& node, int64_t inputs);

class NodeBlocks {
 public:
  // `inputs` is K, `x` what the weights meet. Nothing is made yet.
  NodeBlocks(const Model& model, const Node& node, int64_t inputs, Element x);

  // Some of a node's blocks.
  explicit NodeBlocks(const Block16Weights& blocks) : x_(Element::f32), blocks_(blocks) {}

  // Made of single weights when first asked for; not by two threads at once.
  const Block16Weights& weights() const;
  // The same, but without any block where they are not made yet.
  Block16Weights outline() const;

 private:
  Element x_;
  UnstructuredWeights single_;
  mutable std::optional<Block16Weights> blocks_;
  mutable std::unique_ptr<const UnstructuredBlocks> made_;
};

// An operator over such weights, which it keeps.
template <class Op, class... Arguments>
std::shared_ptr<const Operator> make_over(std::shared_ptr<const NodeBlocks> blocks, const Arguments&... arguments) {
  struct Kept {
    Kept(std::shared_ptr<const NodeBlocks> from, const Arguments&... rest)
        : blocks(std::move(from)), op(blocks->weights(), rest...) {}
    std::shared_ptr<const NodeBlocks> blocks;
    Op op;
  };
  auto kept = std::make_shared<const Kept>(std::move(blocks), arguments...);
  return {kept, &kept->op};
}

}  // namespace apus
