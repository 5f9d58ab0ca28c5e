// Normalisation of rows: y[r] = (t - mean(t)) / sqrt(mean((t - mean(t))^2) + epsilon) * scale + bias, t = x[r] (+
// skip[r]), for x [rows, count].
//
// Sums run in 16 interleaved chains whatever the ISA, so bits agree. `skip` and `bias` may be null; y may equal x or
// skip. Reads and writes exactly.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

struct LayerNormArguments {
  const float *x, *skip, *scale, *bias;
  float* y;
  int64_t rows, count;
  float epsilon;
};

struct LayerNormTable {
  Isa isa;
  void (*run)(const LayerNormArguments& arguments);
};

// The best table of at most `isa`.
const LayerNormTable& layer_norm_table(Isa isa);

}  // namespace apus
