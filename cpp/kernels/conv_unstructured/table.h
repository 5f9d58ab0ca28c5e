// The rows of table.inc, best first: kernels over planes, those of linear_unstructured among them.
#pragma once

#include <span>

#include "kernels/unstructured/single.h"

namespace apus {

std::span<const SingleKernelRow> conv_unstructured_kernels();

}  // namespace apus
