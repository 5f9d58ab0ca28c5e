// Reductions over the middle of x [outer, count, inner]: y[o, i] = sum (or max, min) over r of x[o, r, i].
//
// Float sums add in 16 interleaved chains whatever the ISA, so bits agree. Byte sums are exact in int32 (count < 2^23).
// y must not overlap x. Reads and writes exactly.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

enum class Reduce : uint8_t { mean, sum, max, min, prod };
inline constexpr int kReduceCount = 5;

struct ReduceTable {
  Isa isa;
  void (*sum)(const float* x, float* y, int64_t outer, int64_t count, int64_t inner);
  void (*max)(const float* x, float* y, int64_t outer, int64_t count, int64_t inner);
  void (*min)(const float* x, float* y, int64_t outer, int64_t count, int64_t inner);
  void (*byte_sum)(const uint8_t* x, int32_t* y, int64_t outer, int64_t count, int64_t inner);
};

const ReduceTable& reduce_table(Isa isa);

}  // namespace apus
