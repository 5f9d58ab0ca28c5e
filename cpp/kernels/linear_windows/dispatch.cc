#include "kernels/linear_windows/table.h"

namespace apus {

#define WINDOW_KERNEL(isa, y, function) void function(const WindowArguments&);
#include "kernels/linear_windows/table.inc"
#undef WINDOW_KERNEL

std::span<const WindowKernelRow> linear_windows_kernels() {
#if defined(__x86_64__)
  static constexpr WindowKernelRow kRows[] = {
#define WINDOW_KERNEL(isa, y, function) {#function, Isa::isa, Element::y, function},
#include "kernels/linear_windows/table.inc"
#undef WINDOW_KERNEL
  };
  return kRows;
#else
  return {};
#endif
}

}  // namespace apus
