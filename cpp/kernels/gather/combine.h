// What scatter does with an update: replaces, adds, multiplies, or keeps the larger or smaller.
#pragma once

#include "kernels/gather/gather.h"

namespace apus {

// y[i] = combine(y[i], x[i]) for n elements.
using CombineKernel = void (*)(void* y, const void* x, int64_t n);

// For numbers and bool; float16 can only be replaced.
CombineKernel combine_kernel(Combine combine, Dtype dtype);

}  // namespace apus
