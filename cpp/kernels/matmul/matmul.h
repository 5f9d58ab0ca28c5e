// Dense float32 product of two activations, one matrix pair a call: y[m, n] = sum over k of a[m, k] * b[k, n].
//
// Row-major with pitches in elements, so a slice of heads needs no copy. Accumulates over k in ascending order for
// every element, tails included, so results do not depend on how rows are shared among threads. k = 0 gives zeros.
// Reads up to kSlack bytes past the end of a and b; writes y exactly; y must not overlap them.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

struct MatmulArguments {
  const float* a;
  const float* b;
  float* y;
  int64_t m, n, k;
  int64_t a_pitch, b_pitch, y_pitch;
};

using MatmulKernel = void (*)(const MatmulArguments&);

// The best kernel of at most `isa`. Threads call it on disjoint ranges of rows (offset a and y, set m).
MatmulKernel matmul_kernel(Isa isa);

// The set that matmul_kernel(isa) was written for.
Isa matmul_isa(Isa isa);

}  // namespace apus
