#include "kernels/linear_dense/table.h"

namespace apus {

#define DENSE_KERNEL(isa, x, y, function) void function(const DenseArguments&);
#include "kernels/linear_dense/table.inc"
#undef DENSE_KERNEL

std::span<const DenseKernelRow> linear_dense_kernels() {
#if defined(__x86_64__)
  static constexpr DenseKernelRow kRows[] = {
#define DENSE_KERNEL(isa, x, y, function) {#function, Isa::isa, Element::x, Element::y, function},
#include "kernels/linear_dense/table.inc"
#undef DENSE_KERNEL
  };
  return kRows;
#else
  return {};
#endif
}

}  // namespace apus
