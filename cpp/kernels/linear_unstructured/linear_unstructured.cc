#include "kernels/linear_unstructured/linear_unstructured.h"

#include <algorithm>
#include <limits>

#include "kernels/conv_unstructured/table.h"
#include "kernels/planes/transpose.h"

namespace apus {
namespace {

constexpr int64_t kTile = kTileVectors * kVector;

std::vector<uint32_t> column_offsets(int64_t columns, int64_t pitch) {
  std::vector<uint32_t> offsets(static_cast<size_t>(columns));
  for (int64_t i = 0; i < columns; ++i) offsets[static_cast<size_t>(i)] = static_cast<uint32_t>(i * pitch);
  return offsets;
}

}  // namespace

bool LinearUnstructured::serves(const UnstructuredWeights& weights, const Epilogue& epilogue) {
  return epilogue.x == Element::f32 && weights.inputs <= std::numeric_limits<int32_t>::max() / kTile;
}

LinearUnstructured::LinearUnstructured(const UnstructuredWeights& weights, int64_t rows, const Epilogue& epilogue,
                                       Isa isa, int threads)
    : rows_(rows),
      inputs_(weights.inputs),
      outputs_(weights.outputs),
      epilogue_(epilogue),
      kernel_(&find_single_kernel(conv_unstructured_kernels(), isa, Walk::planes_to_rows)),
      vectors_(cover_positions(1, rows, (rows + kVector - 1) / kVector * kVector)),
      packed_(weights, column_offsets(weights.inputs, pitch()), 0, kernel_->isa),
      alone_(packed_.running_cost(), vectors(), 1),
      shares_(packed_.running_cost(), vectors(), threads) {}

int64_t LinearUnstructured::pitch() const { return std::min(vectors(), kTileVectors) * kVector; }

int64_t LinearUnstructured::place(int64_t vector) const {
  return vector / kTileVectors * inputs_ * pitch() + vector % kTileVectors * kVector;
}

int64_t LinearUnstructured::scratch_bytes() const {
  const int64_t tiles = (vectors() + kTileVectors - 1) / kTileVectors;
  return (tiles * inputs_ * pitch() * 4 + kSlack + 63) / 64 * 64;
}

void LinearUnstructured::stage(const void* x, void* scratch, int part, int parts) const {
  if (owns_scratch()) return;
  transpose(static_cast<const float*>(x), static_cast<float*>(scratch), 0, vectors(), inputs_ * part / parts,
            inputs_ * (part + 1) / parts);
}

// Columns first..last of the rows of vectors from..to.
void LinearUnstructured::transpose(const float* x, float* planes, int64_t from, int64_t to, int64_t first,
                                   int64_t last) const {
  while (from < to) {
    const int64_t end = std::min(to, (from / kTileVectors + 1) * kTileVectors), row = from * kVector;
    transpose_to_planes(x + row * inputs_, planes + place(from), pitch(), std::min(rows_, end * kVector) - row, inputs_,
                        first, last);
    from = end;
  }
}

void LinearUnstructured::compute(const void* x, void* scratch, void* y, int part, int parts) const {
  auto* planes = static_cast<float*>(scratch);
  SingleArguments a{};
  a.y_row = 1;
  a.y_position = outputs_;
  a.low = epilogue_.low, a.high = epilogue_.high;
  const std::span<const Shares::Piece> pieces = (parts == 1 ? alone_ : shares_).of(part);
  if (owns_scratch() && !pieces.empty())
    transpose(static_cast<const float*>(x), planes, pieces.front().first, pieces.back().last, 0, inputs_);
  for (const Shares::Piece& piece : pieces) {
    packed_.fill(piece.strip, piece.end, a);
    a.y = static_cast<float*>(y) + piece.strip;
    for_tiles(
        a, vectors_, piece.first, piece.last, [&](int64_t vector) { return planes + place(vector); }, kernel_->run);
  }
}

// Staging takes about a cycle for four elements.
double LinearUnstructured::cost() const { return packed_.cycles(vectors()) + static_cast<double>(rows_ * inputs_) / 4; }

}  // namespace apus
