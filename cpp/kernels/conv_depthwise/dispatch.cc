#include "kernels/conv_depthwise/table.h"

#define APUS_KERNELS "kernels/conv_depthwise/table.inc"
#include "kernels/block16/rows.inc"

namespace apus {

std::span<const StripKernelRow> conv_depthwise_kernels() { return kRows; }

}  // namespace apus
