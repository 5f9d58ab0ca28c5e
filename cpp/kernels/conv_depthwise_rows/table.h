// The rows of table.inc, best first.
#pragma once

#include <span>

#include "kernels/conv_depthwise_rows/kernel.h"

namespace apus {

std::span<const RowKernelRow> conv_depthwise_rows_kernels();

}  // namespace apus
