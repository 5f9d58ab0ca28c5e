// The rows of table.inc, best first, and what they cost.
#pragma once

#include <cstdint>
#include <span>

#include "kernels/block16/block16.h"
#include "kernels/linear_dense/kernel.h"

namespace apus {

std::span<const DenseKernelRow> linear_dense_kernels();

// The best of at most `isa`; null where there is none.
const DenseKernelRow* find_dense_kernel(const Epilogue& epilogue, Isa isa);

// Whether strips hold groups of `width` columns in order, and all of them.
bool every_block_is_there(const Block16Weights& weights, int64_t width);

// Of rows over some strips, by tiles: a tile's products, two a cycle, each wait four cycles for the one before.
double dense_cycles(int64_t rows, int64_t strips, int64_t groups);

}  // namespace apus
