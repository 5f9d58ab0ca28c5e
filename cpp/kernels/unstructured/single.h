// One call of a planes kernel over single weights: some rows of the matrix at one tile of positions. Plain data, safe
// for sealed ISA files.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "kernels/block16/strip.h"

namespace apus {

inline constexpr int64_t kTileVectors = 2;  // of 16 positions: what a row's sums take

struct SingleArguments {
  const float* x;           // planes, at the tile's first position
  const uint32_t* offsets;  // elements of x from position 0, one per weight of the whole matrix
  const float* values;      // likewise
  const uint32_t* rows;     // [count + 1] first weight of each row
  int64_t count;
  const float* bias;              // [count]
  float* y;                       // row 0, position 0
  int64_t y_row, y_position;      // elements from one row of the matrix, or position, to the next
  const PositionVector* vectors;  // of the tile, each 16 positions behind the one before
  int64_t vector_count;           // 1..kTileVectors
  float low, high;                // of Epilogue
};

struct SingleKernelRow {
  const char* name;
  Isa isa;
  Walk walk;  // planes (y_position = 1) or planes_to_rows (y_row = 1; positions of y are neighbours)
  void (*run)(const SingleArguments&);
};

}  // namespace apus
