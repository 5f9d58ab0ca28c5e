// The rows of table.inc, best first: kernels over rows.
#pragma once

#include <span>

#include "kernels/block16/strip.h"

namespace apus {

std::span<const StripKernelRow> linear_block16_kernels();

}  // namespace apus
