// Weights stored in 4 or 2 bits, made int8 again: y[64 g + i] is weight i of group g.
//
// A group is 64 weights. In 4 bits its byte i (of 32) holds weight i in the low half and weight i + 32 in the high one;
// in 2 bits byte i (of 16) holds weights i, i + 16, i + 32, i + 48 from the lowest bits up. Two's complement.
// Reads and writes exactly that.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

using Unpack = void (*)(const uint8_t* x, int64_t groups, int8_t* y);

struct UnpackTable {
  Isa isa;
  Unpack four, two;
};

const UnpackTable& unpack_table(Isa isa);

}  // namespace apus
