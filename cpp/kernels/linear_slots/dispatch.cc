#include "kernels/linear_slots/table.h"

namespace apus {

#define SLOT_KERNEL(isa, x, y, function) void function(const SlotArguments&);
#include "kernels/linear_slots/table.inc"
#undef SLOT_KERNEL

std::span<const SlotKernelRow> linear_slots_kernels() {
  static constexpr SlotKernelRow kRows[] = {
#define SLOT_KERNEL(isa, x, y, function) {#function, Isa::isa, Element::x, Element::y, function},
#include "kernels/linear_slots/table.inc"
#undef SLOT_KERNEL
  };
  return kRows;
}

}  // namespace apus
