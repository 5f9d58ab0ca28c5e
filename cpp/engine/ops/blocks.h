// The weights of conv and linear as the kernels over blocks take them: the artifact's own, or made of single ones, or
// of few bits and made int8.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/buffer.h"
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

  // The same with weights of few bits made int8; whoever asks for those of one node shares them, while any are kept.
  static std::shared_ptr<const NodeBlocks> unpacked(const Block16Weights& blocks);

  // Made of single weights when first asked for; not by two threads at once.
  const Block16Weights& weights() const;
  // The same, but without any block where they are not made yet.
  Block16Weights outline() const;

 private:
  Element x_;
  UnstructuredWeights single_;
  mutable std::optional<Block16Weights> blocks_;
  mutable std::unique_ptr<const UnstructuredBlocks> made_;
  AlignedBuffer bytes_;  // of weights that were unpacked
};

// A kernel over weights that were unpacked for it, under a name that says so.
class OverUnpacked final : public Operator {
 public:
  explicit OverUnpacked(std::shared_ptr<const Operator> of)
      : of_(std::move(of)), name_(of_->kernel() + std::string(kUnpackedSuffix)) {}

  int64_t scratch_bytes() const override { return of_->scratch_bytes(); }
  bool owns_scratch() const override { return of_->owns_scratch(); }
  void stage(const void* x, void* scratch, int part, int parts) const override { of_->stage(x, scratch, part, parts); }
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override {
    of_->compute(x, scratch, y, part, parts);
  }
  const char* kernel() const override { return name_.c_str(); }
  Isa isa() const override { return of_->isa(); }
  int64_t macs() const override { return of_->macs(); }
  int64_t nonzero_macs() const override { return of_->nonzero_macs(); }
  double cost() const override { return of_->cost(); }
  double imbalance() const override { return of_->imbalance(); }

 private:
  std::shared_ptr<const Operator> of_;
  std::string name_;
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
