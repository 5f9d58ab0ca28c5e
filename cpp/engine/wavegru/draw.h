// The uniform numbers of a sample, from its place alone: whoever asks for sample t gets the same, in any order.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

// thresholds[8 t + i] = logit(u) of sample `first` + t and level i, 0 <= t < count. u = (bits + 1/2) / 2^23 of Philox
// 4x32-10 (Salmon et al. 2011, SC11, "Parallel random numbers: as easy as 1, 2, 3") with the counter {sample, half}.
void draw_thresholds(uint64_t seed, uint64_t first, int64_t count, float* thresholds, Isa isa);

}  // namespace apus
