// What this processor can do at most, for the rooflines of benchmarks: nothing here computes a network.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

struct RooflineRow {
  Isa isa;
  int64_t macs;                                               // multiply-adds of one step of `multiply`
  void (*multiply)(int64_t steps, void* sink);                // independent chains, nothing loaded
  void (*read)(const void* from, int64_t bytes, void* sink);  // whole cache lines, in order; from is 64-byte aligned
};

// The best row of at most `isa` for float32, or for int8; null where there is none.
const RooflineRow* roofline_f32(Isa isa);
const RooflineRow* roofline_s8(Isa isa);

}  // namespace apus
