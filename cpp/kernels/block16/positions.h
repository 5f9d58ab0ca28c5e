// The vectors of 16 flat positions that cover an output, and their shares among threads.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/strip.h"

namespace apus {

// Covers the valid positions y * pitch + x, 0 <= y < height, 0 <= x < width, in ascending order. A vector starts at a
// valid position, so garbage costs nothing where it falls between two vectors. With `run` > 1 they come in runs of that
// many neighbours, of which only the first one is so placed; vectors that fill the last run keep nothing.
std::vector<PositionVector> cover_positions(int64_t height, int64_t width, int64_t pitch, int run = 1);

}  // namespace apus
