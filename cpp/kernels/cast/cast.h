// y[i] = x[i] as another dtype. To bool: whether it is not 0. A real number out of an integer's range becomes the
// nearest one there is, NaN the lowest, so that every ISA gives the same; integers wrap around. To float16 and float32:
// rounded once, to nearest even. Reads and writes exactly n elements; y must not overlap x.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace apus {

using CastKernel = void (*)(const void* x, void* y, int64_t n);

CastKernel cast_kernel(Dtype from, Dtype to);

}  // namespace apus
