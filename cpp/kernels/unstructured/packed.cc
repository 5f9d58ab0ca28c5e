#include "kernels/unstructured/packed.h"

#include <algorithm>
#include <stdexcept>

namespace apus {

PackedUnstructured::PackedUnstructured(const UnstructuredWeights& weights, const std::vector<uint32_t>& column_offsets,
                                       int64_t group, Isa isa)
    : weights_(weights), offsets_(static_cast<size_t>(weights.count())), bias_(static_cast<size_t>(weights.outputs)) {
  if (weights.bias) std::copy_n(static_cast<const float*>(weights.bias), weights.outputs, bias_.begin());
  // Measured: a weight, then the end of a row, whose length nothing foretells.
  constexpr int64_t kWeight[kIsaCount] = {170, 48, 48, 24, 13, 13, 13, 13};
  constexpr int64_t kRow[kIsaCount] = {400, 150, 150, 150, 100, 100, 100, 100};
  const int64_t per_group = weights.outputs / weights.groups;
  cost_.assign(1, 0);
  for (int64_t row = 0; row < weights.outputs; ++row) {
    const uint32_t base = static_cast<uint32_t>(row / per_group * group);
    for (int64_t i = weights.rows[row]; i < weights.rows[row + 1]; ++i)
      offsets_[static_cast<size_t>(i)] = base + column_offsets[weights.column(i)];
    const int64_t count = weights.rows[row + 1] - weights.rows[row];
    cost_.push_back(cost_.back() + count * kWeight[static_cast<int>(isa)] + kRow[static_cast<int>(isa)]);
  }
}

void PackedUnstructured::fill(int64_t first, int64_t last, SingleArguments& a) const {
  a.offsets = offsets_.data();
  a.values = static_cast<const float*>(weights_.values);
  a.rows = weights_.rows + first;
  a.count = last - first;
  a.bias = bias_.data() + first;
}

const SingleKernelRow& find_single_kernel(std::span<const SingleKernelRow> rows, Isa isa, Walk walk) {
  for (const SingleKernelRow& row : rows) {
    if (row.isa <= isa && row.walk == walk) return row;
  }
  throw std::logic_error("no unstructured kernel for this walk");
}

}  // namespace apus
