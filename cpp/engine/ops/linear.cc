#include "engine/ops/activation.h"
#include "engine/ops/ops.h"
#include "engine/ops/weighted.h"
#include "kernels/linear_block16/linear_block16.h"
#include "kernels/linear_windows/linear_windows.h"

namespace apus {
namespace {

// Rows from which planes win, measured: a row costs 1 (float32, windows) or 2 (gathered bytes) cycles a group, a vector
// of 16 rows 8 to 9.
std::shared_ptr<const Operator> linear_kernel(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue,
                                              Isa isa) {
  const bool windows = LinearWindows::serves(weights, epilogue, isa);
  if (rows >= (epilogue.x == Element::f32 || windows ? 9 : 5))
    return std::make_shared<const LinearBlock16>(weights, rows, epilogue, isa, LinearBlock16::Road::planes);
  if (windows) return std::make_shared<const LinearWindows>(weights, rows, epilogue, isa);
  return std::make_shared<const LinearBlock16>(weights, rows, epilogue, isa, LinearBlock16::Road::rows);
}

}  // namespace

void plan_linear(Builder& b, const Node& node) {
  const Shape& x = b.shape(node.inputs[0]);
  const int64_t inputs = x.back(), rows = items_of(x) / inputs;
  const std::shared_ptr<const Operator> kernel =
      linear_kernel(block16_weights(b.model(), node, inputs), rows, epilogue_of(b, node), b.isa());
  describe(b, node, *kernel, 1);
  add_images(b, Images{kernel, b.slot(node.inputs[0]), b.output_slot(), -1, rows > 0 ? 1 : 0, 0, 0, 0});
  if (needs_pass(node.attributes))
    add_unary(b, node.attributes, b.output_slot(), b.output_slot(), items_of(b.output_shape()));
}

}  // namespace apus
