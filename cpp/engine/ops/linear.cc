#include "engine/ops/activation.h"
#include "engine/ops/blocks.h"
#include "engine/ops/ops.h"
#include "engine/ops/weighted.h"
#include "kernels/linear_block16/linear_block16.h"
#include "kernels/linear_dense/linear_dense.h"
#include "kernels/linear_slots/linear_slots.h"
#include "kernels/linear_unstructured/linear_unstructured.h"
#include "kernels/linear_windows/linear_windows.h"

namespace apus {
namespace {

constexpr int64_t kPlanesFrom = 8;  // rows: fewer go by slots
constexpr int64_t kCachedWeights =
    1 << 20;  // int8 that one row alone is worth unpacking for; of more, reading takes longest

std::vector<Candidate> kernels_over(const Builder& b, std::shared_ptr<const NodeBlocks> blocks, int64_t rows,
                                    const Epilogue& epilogue) {
  const Block16Weights outline = blocks->outline();
  const Isa isa = b.isa();
  const int threads = b.threads();
  const auto walked = [=](LinearBlock16::Road road, Isa most) -> Candidate {
    return [=] { return make_over<LinearBlock16>(blocks, rows, epilogue, most, threads, road); };
  };
  std::vector<Candidate> found;
  if (LinearWindows::serves(outline, epilogue, isa))
    found.push_back([=] { return make_over<LinearWindows>(blocks, rows, epilogue, isa, threads); });
  found.push_back(walked(LinearBlock16::Road::rows, isa));
  if (rows > 1) found.push_back(walked(LinearBlock16::Road::planes, isa));
  if (LinearDense::serves(outline, epilogue, isa))
    found.push_back([=] { return make_over<LinearDense>(blocks, rows, epilogue, isa, threads); });
  // Over few rows a tile costs more than it multiplies; float32 weights have none.
  const bool tiles = isa == Isa::amx && (epilogue.x == Element::u8 || outline.bf16);
  if (rows > 1 && tiles) found.push_back(walked(LinearBlock16::Road::planes, Isa::bf16));
  return found;
}

}  // namespace

// The first is what to stay with when nothing is known: a vector over 16 outputs for few rows, over 16 rows for more.
// Weights of few bits are the same number of multiplications; unpacked once they save that work in each run.
std::vector<Candidate> block_kernels(const Builder& b, std::shared_ptr<const NodeBlocks> blocks, int64_t rows,
                                     const Epilogue& epilogue) {
  std::vector<Candidate> found = kernels_over(b, blocks, rows, epilogue);
  Block16Weights outline = blocks->outline();
  if (epilogue.x != Element::u8 || outline.bits == 8) return found;
  if (rows < 2 && outline.outputs * outline.inputs > kCachedWeights) return found;
  outline.bits = 8;
  const size_t unpacked = kernels_over(b, std::make_shared<const NodeBlocks>(outline), rows, epilogue).size();
  for (size_t i = 0; i < unpacked; ++i) {
    found.push_back([=, &b] {
      const auto wide = NodeBlocks::unpacked(blocks->weights());
      return std::make_shared<const OverUnpacked>(kernels_over(b, wide, rows, epilogue)[i]());
    });
  }
  return found;
}

std::vector<Candidate> linear_kernels(const Builder& b, const Node& node, int64_t inputs, int64_t rows,
                                      const Epilogue& epilogue) {
  const auto blocks = std::make_shared<const NodeBlocks>(b.model(), node, inputs, epilogue.x);
  std::vector<Candidate> found = block_kernels(b, blocks, rows, epilogue);
  if (node.attributes.format != Format::unstructured) return found;
  const UnstructuredWeights single = unstructured_weights(b.model(), node, inputs);
  const Isa isa = b.isa();
  const int threads = b.threads();
  // Of floats one kernel alone, or the two that are timed might both be of single weights.
  const bool planes = rows >= kPlanesFrom && LinearUnstructured::serves(single, epilogue);
  if (!planes && LinearSlots::serves(single, epilogue, isa))
    found.push_back([=] { return std::make_shared<const LinearSlots>(single, rows, epilogue, isa, threads); });
  if (planes && single.few(rows < 64 ? 0.15 : 0.2))
    found.push_back([=] { return std::make_shared<const LinearUnstructured>(single, rows, epilogue, isa, threads); });
  return found;
}

void plan_linear(Builder& b, const Node& node) {
  const Shape& x = b.shape(node.inputs[0]);
  const int64_t inputs = x.back(), rows = items_of(x) / inputs;
  const Epilogue epilogue = epilogue_of(b, node);
  const int64_t y_bytes = rows * node.attributes.channels * element_size(epilogue.y);
  add_images(b, node, linear_kernels(b, node, inputs, rows, epilogue),
             Images{nullptr, b.slot(node.inputs[0]), b.output_slot(), -1, rows > 0 ? 1 : 0,
                    items_of(x) * element_size(epilogue.x), y_bytes, 0});
  if (needs_pass(node.attributes))
    add_unary(b, node.attributes, b.output_slot(), b.output_slot(), items_of(b.output_shape()));
}

}  // namespace apus
