#include "kernels/unstructured/blocks.h"

#include <algorithm>

#include "kernels/block16/strip.h"

namespace apus {

// Rows first..last are a strip: its columns are those that any row has, padded to whole groups of `width`.
template <class Weight>
void UnstructuredBlocks::add_strip(const UnstructuredWeights& from, int64_t first, int64_t last, int64_t width,
                                   std::vector<Weight>& values) {
  std::vector<uint32_t> kept;
  for (int64_t i = from.rows[first]; i < from.rows[last]; ++i) kept.push_back(from.column(i));
  std::sort(kept.begin(), kept.end());
  kept.erase(std::unique(kept.begin(), kept.end()), kept.end());
  const size_t group = values.size();
  values.resize(group + (kept.size() + width - 1) / width * width * kStrip);
  const auto* weights = static_cast<const Weight*>(from.values);
  for (int64_t row = first; row < last; ++row) {
    auto at = kept.begin();
    for (int64_t i = from.rows[row]; i < from.rows[row + 1]; ++i) {
      at = std::lower_bound(at, kept.end(), from.column(i));
      const int64_t block = at - kept.begin();
      values[group + (block / width * kStrip + row - first) * width + block % width] = weights[i];
    }
  }
  const uint32_t padding = kept.empty() ? 0 : kept.back();
  kept.resize((values.size() - group) / kStrip, padding);
  columns_.insert(columns_.end(), kept.begin(), kept.end());
  strips_.push_back(static_cast<uint32_t>(columns_.size() / width));
}

UnstructuredBlocks::UnstructuredBlocks(const UnstructuredWeights& weights, Element x) : strips_{0} {
  const int64_t rows = weights.outputs / weights.groups;
  for (int64_t group = 0; group < weights.groups; ++group) {
    for (int64_t row = 0; row < rows; row += kStrip) {
      const int64_t first = group * rows + row, last = group * rows + std::min<int64_t>(rows, row + kStrip);
      x == Element::u8 ? add_strip(weights, first, last, 4, bytes_) : add_strip(weights, first, last, 1, floats_);
    }
  }
  blocks_.outputs = weights.outputs, blocks_.inputs = weights.inputs, blocks_.groups = weights.groups;
  blocks_.strips = strips_.data(), blocks_.columns = columns_.data(), blocks_.wide_columns = true;
  blocks_.values = x == Element::u8 ? static_cast<const void*>(bytes_.data()) : floats_.data();
  blocks_.bias = weights.bias, blocks_.multiplier = weights.multiplier;
}

}  // namespace apus
