#include "kernels/linear_block16/table.h"

#define APUS_KERNELS "kernels/linear_block16/table.inc"
#include "kernels/block16/rows.inc"

namespace apus {

std::span<const StripKernelRow> linear_block16_kernels() { return kRows; }

}  // namespace apus
