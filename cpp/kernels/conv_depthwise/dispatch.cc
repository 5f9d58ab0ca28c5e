#include <iterator>

#include "kernels/conv_depthwise/table.h"

namespace apus {

#define BLOCK16_KERNEL(isa, walk, x, y, wide, function) void function(const StripArguments&);
#include "kernels/conv_depthwise/table.inc"
#undef BLOCK16_KERNEL

namespace {

constexpr StripKernelRow kRows[] = {
#define BLOCK16_KERNEL(isa, walk, x, y, wide, function) \
  {#function, Isa::isa, Walk::walk, Element::x, Element::y, wide, function},
#include "kernels/conv_depthwise/table.inc"
#undef BLOCK16_KERNEL
};

}  // namespace

std::span<const StripKernelRow> conv_depthwise_kernels() { return kRows; }

}  // namespace apus
