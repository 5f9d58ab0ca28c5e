// Unstructured weights by slots: 16 rows of the matrix (a strip), each with its next weight, or its next four int8
// ones, as long as all of these meet a window of x of 128 bytes. A slot has a line of x, where its window begins, and
// for each weight its place in the window. Rows that have nothing there have zeros. Windows follow the row that is
// furthest behind, so of 1024 columns a tenth of which is kept, two places in three hold a weight (int8: four in five).
#pragma once

#include <cstdint>
#include <vector>

#include "base/isa.h"
#include "kernels/block16/block16.h"
#include "kernels/unstructured/unstructured.h"

namespace apus {

struct WeightSlots {
  std::vector<uint32_t> strips;  // [S + 1] first slot of each
  std::vector<uint16_t> lines;   // [slots] of 64 bytes
  std::vector<uint8_t> index;    // [slots, 16, G]: G = 1 for float32, 4 for int8
  std::vector<float> floats;     // [slots, 16]
  std::vector<int8_t> bytes;     // [slots, 16, 4]

  int64_t count() const { return static_cast<int64_t>(lines.size()); }
  // [S + 1], of all strips before.
  std::vector<int64_t> running_cost() const;
  // Of so many rows of x.
  double cycles(int64_t rows, Isa isa) const;
  const void* values() const { return floats.empty() ? static_cast<const void*>(bytes.data()) : floats.data(); }
};

// [S * 16] bits of float32 or int32: sum w * (x - zero) + bias = sum w * x + (bias - zero * sum w), wrapping.
std::vector<int32_t> folded_bias(const UnstructuredWeights& weights, const Epilogue& epilogue);

// `x` says the type of the weights. K is at most 2^16 lines.
WeightSlots slots_of(const UnstructuredWeights& weights, Element x);

}  // namespace apus
