#include "kernels/conv_depthwise_rows/table.h"

namespace apus {

#define ROW_KERNEL(isa, function) void function(const RowArguments&);
#include "kernels/conv_depthwise_rows/table.inc"
#undef ROW_KERNEL

std::span<const RowKernelRow> conv_depthwise_rows_kernels() {
#if defined(__x86_64__)
  static constexpr RowKernelRow kRows[] = {
#define ROW_KERNEL(isa, function) {#function, Isa::isa, function},
#include "kernels/conv_depthwise_rows/table.inc"
#undef ROW_KERNEL
  };
  return kRows;
#else
  return {};
#endif
}

}  // namespace apus
