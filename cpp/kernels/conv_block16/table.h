// The rows of table.inc, best first: kernels over planes.
#pragma once

#include <span>

#include "kernels/block16/packed.h"

namespace apus {

std::span<const StripKernelRow> conv_block16_kernels();

// The best of at most `isa`; the AVX-512 ones to bytes only where they round safely.
const StripKernelRow& find_planes_kernel(const Block16Weights& weights, Isa isa, Walk walk, const Epilogue& epilogue);

}  // namespace apus
