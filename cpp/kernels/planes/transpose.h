// Staging for linear layers: rows x [N, K] turned into planes [K, pitch], so that a vector runs over rows.
#pragma once

#include <cstdint>

namespace apus {

// Columns first..last of x. `pitch` is N rounded up to 16, or more where x is some rows of a larger matrix; planes hold
// arbitrary values past N. Reads up to 16 elements past the end of x's last row. `planes` is 16-byte aligned.
void transpose_to_planes(const float* x, float* planes, int64_t pitch, int64_t rows, int64_t columns, int64_t first,
                         int64_t last);
void transpose_to_planes(const uint8_t* x, uint8_t* planes, int64_t pitch, int64_t rows, int64_t columns, int64_t first,
                         int64_t last);

// The same rounded to bfloat16, for the ISA bf16 of x86-64 alone.
void transpose_to_planes(const float* x, uint16_t* planes, int64_t pitch, int64_t rows, int64_t columns, int64_t first,
                         int64_t last);

}  // namespace apus
