// y[o, c, i] = exp(x[o, c, i] - max over c) / sum over c of the same, for x [outer, count, inner].
// `scratch` holds 2 * inner floats. y may equal x. `fast` takes the fast exp of unary.h.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

struct SoftmaxTable {
  Isa isa;
  using Kernel = void (*)(const float* x, float* y, int64_t outer, int64_t count, int64_t inner, float* scratch);
  Kernel run, fast;
};

const SoftmaxTable& softmax_table(Isa isa);

}  // namespace apus
