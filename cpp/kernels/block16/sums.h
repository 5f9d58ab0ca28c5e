// What int8 weights of block16 add up to, row by row of a strip: for whoever looks once at every weight of a network.
#pragma once

#include <cstdint>

#include "kernels/block16/block16.h"

namespace apus {

// Adds to sums [16] the weights (or their magnitudes) of groups first..last, each [16, 4] weights of `bits` bits.
void add_rows(const void* values, int bits, int64_t first, int64_t last, int64_t* sums);
void add_magnitudes(const void* values, int bits, int64_t first, int64_t last, int64_t* sums);

}  // namespace apus
