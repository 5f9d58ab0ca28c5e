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

const SlotKernelRow* find_slot_kernel(const Epilogue& epilogue, Isa isa) {
  for (const SlotKernelRow& row : linear_slots_kernels()) {
    if (row.isa <= isa && row.x == epilogue.x && row.y == epilogue.y) return &row;
  }
  return nullptr;
}

}  // namespace apus
