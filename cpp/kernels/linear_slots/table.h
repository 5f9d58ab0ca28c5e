// The rows of table.inc, best first.
#pragma once

#include <span>

#include "kernels/linear_slots/kernel.h"

namespace apus {

std::span<const SlotKernelRow> linear_slots_kernels();

// The best of at most `isa` for these types; null where there is none.
const SlotKernelRow* find_slot_kernel(const Epilogue& epilogue, Isa isa);

}  // namespace apus
