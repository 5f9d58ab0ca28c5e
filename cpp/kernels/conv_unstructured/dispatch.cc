#include "kernels/conv_unstructured/table.h"

namespace apus {

#define SINGLE_KERNEL(isa, walk, function) void function(const SingleArguments&);
#include "kernels/conv_unstructured/table.inc"
#undef SINGLE_KERNEL

std::span<const SingleKernelRow> conv_unstructured_kernels() {
  static constexpr SingleKernelRow kRows[] = {
#define SINGLE_KERNEL(isa, walk, function) {#function, Isa::isa, Walk::walk, function},
#include "kernels/conv_unstructured/table.inc"
#undef SINGLE_KERNEL
  };
  return kRows;
}

}  // namespace apus
