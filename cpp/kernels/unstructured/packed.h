// Unstructured float32 weights made ready for one shape and one planes kernel.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/unstructured/single.h"
#include "kernels/unstructured/unstructured.h"

namespace apus {

class PackedUnstructured {
 public:
  // `column_offsets` [K]: elements of x from position 0 to that column's, in the first group; `group` from one group of
  // the convolution to the next.
  PackedUnstructured(const UnstructuredWeights& weights, const std::vector<uint32_t>& column_offsets, int64_t group,
                     Isa isa);

  int64_t count() const { return weights_.count(); }
  // Fills what belongs to rows first..last: offsets, values, rows, count, bias.
  void fill(int64_t first, int64_t last, SingleArguments& arguments) const;

  // [M + 1] tenths of cycles per vector of 16 positions, of all rows before.
  const std::vector<int64_t>& running_cost() const { return cost_; }
  double cycles(int64_t vectors) const { return static_cast<double>(cost_.back()) * static_cast<double>(vectors) / 10; }

 private:
  UnstructuredWeights weights_;
  std::vector<uint32_t> offsets_;
  std::vector<float> bias_;
  std::vector<int64_t> cost_;
};

// The first row of at most `isa` for this walk.
const SingleKernelRow& find_single_kernel(std::span<const SingleKernelRow> rows, Isa isa, Walk walk);

// Calls `each(tile)` with a.x, a.y and the vectors of each tile among vectors first..last; tiles begin at multiples of
// kTileVectors. `x_of(vector)` is where a vector's positions lie in the planes.
template <class Of, class Each>
void for_tiles(SingleArguments& a, const std::vector<PositionVector>& vectors, int64_t first, int64_t last, Of x_of,
               Each each) {
  for (int64_t from = first; from < last;) {
    const int64_t next = (from / kTileVectors + 1) * kTileVectors, end = next < last ? next : last;
    a.x = x_of(from);
    a.vectors = vectors.data() + from;
    for (a.vector_count = 0; from + a.vector_count < end && a.vectors[a.vector_count].count > 0;) ++a.vector_count;
    if (a.vector_count > 0) each(a);
    from = end;
  }
}

}  // namespace apus
