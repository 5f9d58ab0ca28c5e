#include <algorithm>

#include "kernels/block16/packed.h"
#include "kernels/linear_dense/table.h"

namespace apus {
namespace {

double tile_cycles(int64_t rows, int64_t strips, int64_t groups) {
  const auto sums = static_cast<double>(rows * strips);
  return static_cast<double>(groups) * std::max(sums, 8.0) / 2 + 4 * sums;
}

}  // namespace

#define DENSE_KERNEL(isa, x, y, function) void function(const DenseArguments&);
#include "kernels/linear_dense/table.inc"
#undef DENSE_KERNEL

std::span<const DenseKernelRow> linear_dense_kernels() {
#if defined(__x86_64__)
  static constexpr DenseKernelRow kRows[] = {
#define DENSE_KERNEL(isa, x, y, function) {#function, Isa::isa, Element::x, Element::y, function},
#include "kernels/linear_dense/table.inc"
#undef DENSE_KERNEL
  };
  return kRows;
#else
  return {};
#endif
}

const DenseKernelRow* find_dense_kernel(const Epilogue& epilogue, Isa isa) {
  for (const DenseKernelRow& row : linear_dense_kernels()) {
    if (row.isa <= isa && row.x == epilogue.x && row.y == epilogue.y) return &row;
  }
  return nullptr;
}

bool every_block_is_there(const Block16Weights& weights, int64_t width) {
  const int64_t groups = (weights.inputs + width - 1) / width, strips = (weights.outputs + kStrip - 1) / kStrip;
  for (int64_t strip = 0; strip < strips; ++strip) {
    if (weights.strips[strip + 1] != (strip + 1) * groups) return false;
    for (int64_t k = 0; k < weights.inputs; ++k)
      if (column_at(weights, strip * groups * width + k) != k) return false;
  }
  return true;
}

double dense_cycles(int64_t rows, int64_t strips, int64_t groups) {
  const int64_t whole = rows / kTileRows, rest = rows % kTileRows;
  return static_cast<double>(whole) * tile_cycles(kTileRows, strips, groups) +
         (rest ? tile_cycles(rest, strips, groups) : 0);
}

}  // namespace apus
