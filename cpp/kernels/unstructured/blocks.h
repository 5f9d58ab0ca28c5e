// Unstructured weights as blocks of 16x1, for the kernels that multiply those: zeros stand where a block has none.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/block16.h"
#include "kernels/unstructured/unstructured.h"

namespace apus {

class UnstructuredBlocks {
 public:
  // `x`: what the weights are multiplied by, which says their type.
  UnstructuredBlocks(const UnstructuredWeights& weights, Element x);
  UnstructuredBlocks(const UnstructuredBlocks&) = delete;  // weights() point into it
  UnstructuredBlocks& operator=(const UnstructuredBlocks&) = delete;

  const Block16Weights& weights() const { return blocks_; }

 private:
  template <class Weight>
  void add_strip(const UnstructuredWeights& from, int64_t first, int64_t last, int64_t width,
                 std::vector<Weight>& values);

  std::vector<uint32_t> strips_, columns_;
  std::vector<float> floats_;
  std::vector<int8_t> bytes_;
  Block16Weights blocks_;
};

}  // namespace apus
