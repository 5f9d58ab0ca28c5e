#include "kernels/conv_block16/table.h"

#define APUS_KERNELS "kernels/conv_block16/table.inc"
#include "kernels/block16/rows.inc"

namespace apus {

std::span<const StripKernelRow> conv_block16_kernels() { return kRows; }

}  // namespace apus
