// float32 <-> quantised bytes: q = clamp(round_half_even(x / scale) + zero_point, 0, 255), x = scale * (q -
// zero_point). NaN becomes the lowest byte. Reads and writes exactly n elements.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

struct QuantizeTable {
  Isa isa;
  void (*quantize)(const float* x, uint8_t* y, int64_t n, float scale, int zero_point);
  void (*dequantize)(const uint8_t* x, float* y, int64_t n, float scale, int zero_point);
};

const QuantizeTable& quantize_table(Isa isa);

}  // namespace apus
