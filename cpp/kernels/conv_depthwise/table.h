// The rows of table.inc, best first: kernels over the planes of one channel.
#pragma once

#include <span>

#include "kernels/block16/strip.h"

namespace apus {

std::span<const StripKernelRow> conv_depthwise_kernels();

}  // namespace apus
