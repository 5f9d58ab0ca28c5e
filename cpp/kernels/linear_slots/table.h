// The rows of table.inc, best first.
#pragma once

#include <span>

#include "kernels/linear_slots/kernel.h"

namespace apus {

std::span<const SlotKernelRow> linear_slots_kernels();

}  // namespace apus
