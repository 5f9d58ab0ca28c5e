// The rows of table.inc, best first.
#pragma once

#include <span>

#include "kernels/linear_windows/kernel.h"

namespace apus {

std::span<const WindowKernelRow> linear_windows_kernels();

}  // namespace apus
