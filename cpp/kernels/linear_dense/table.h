// The rows of table.inc, best first.
#pragma once

#include <span>

#include "kernels/linear_dense/kernel.h"

namespace apus {

std::span<const DenseKernelRow> linear_dense_kernels();

}  // namespace apus
