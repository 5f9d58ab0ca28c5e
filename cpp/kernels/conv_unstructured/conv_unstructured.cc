#include "kernels/conv_unstructured/conv_unstructured.h"

#include <limits>

#include "kernels/conv_unstructured/table.h"

namespace apus {
namespace {

std::vector<uint32_t> column_offsets(const Planes& planes, int64_t columns) {
  std::vector<uint32_t> offsets(static_cast<size_t>(columns));
  for (int64_t i = 0; i < columns; ++i) offsets[static_cast<size_t>(i)] = static_cast<uint32_t>(planes.offset(i));
  return offsets;
}

}  // namespace

bool ConvUnstructured::serves(const UnstructuredWeights& weights, const Window& window, const Epilogue& epilogue) {
  if (epilogue.x != Element::f32) return false;
  const Planes planes(window, Element::f32, 0, Isa::scalar);
  return weights.inputs < std::numeric_limits<int32_t>::max() &&
         planes.channel() <= std::numeric_limits<int32_t>::max() / window.channels;
}

ConvUnstructured::ConvUnstructured(const UnstructuredWeights& weights, const Window& window, const Epilogue& epilogue,
                                   Isa isa, int threads)
    : kernel_(&find_single_kernel(conv_unstructured_kernels(), isa, Walk::planes)),
      epilogue_(epilogue),
      outputs_(weights.outputs),
      inputs_(weights.inputs),
      planes_(window, Element::f32, 0, isa),
      packed_(weights, column_offsets(planes_, weights.inputs), window.channels / weights.groups * planes_.channel(),
              kernel_->isa),
      vectors_(cover_positions(window.out_height, window.out_width, planes_.pitch(), kTileVectors)),
      alone_(packed_.running_cost(), vectors(), 1),
      shares_(packed_.running_cost(), vectors(), threads) {}

bool ConvUnstructured::owns_scratch() const {
  return planes_.stages_positions() && Shares::by_vectors(vectors(), shares_.parts());
}

void ConvUnstructured::compute(const void* x, void* scratch, void* y, int part, int parts) const {
  const auto* staged = static_cast<const float*>(planes_.direct() ? x : scratch);
  SingleArguments a{};
  a.y_row = positions();
  a.y_position = 1;
  a.low = epilogue_.low, a.high = epilogue_.high;
  const std::span<const Shares::Piece> pieces = (parts == 1 ? alone_ : shares_).of(part);
  if (owns_scratch() && !pieces.empty()) {
    const int64_t last = vectors_[static_cast<size_t>(pieces.back().last) - 1].x + kVector;
    planes_.stage_positions(x, scratch, vectors_[static_cast<size_t>(pieces.front().first)].x, last);
  }
  for (const Shares::Piece& piece : pieces) {
    packed_.fill(piece.strip, piece.end, a);
    a.y = static_cast<float*>(y) + piece.strip * a.y_row;
    for_tiles(
        a, vectors_, piece.first, piece.last,
        [&](int64_t vector) { return staged + vectors_[static_cast<size_t>(vector)].x; }, kernel_->run);
  }
}

}  // namespace apus
