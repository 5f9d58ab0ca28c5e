// One call of a dense kernel: rows of x against a panel of strips. Plain data, safe for sealed ISA files.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "kernels/block16/strip.h"

namespace apus {

inline constexpr int64_t kPanel = 4;     // strips that every row of a call meets
inline constexpr int64_t kTileRows = 6;  // with those, of sums in registers: 24 of AVX-512's 32

struct DenseArguments {
  const void* x;            // first row, readable up to the next multiple of four bytes
  int64_t x_row;            // bytes from one row to the next
  int64_t rows;             // of x
  int64_t runs;             // of groups that lie side by side in a row of x
  int64_t x_run;            // bytes from one run to the next
  int64_t groups;           // of each run
  const void* values;       // [strips, runs, groups, 64 bytes]
  int64_t strip_count;      // 1..kPanel
  const void* bias;         // [strips, 16] float32, or int32 less x_zero_point * sum of weights
  const float* multiplier;  // likewise, with a uint8 x
  void* y;                  // of the first row and strip
  int64_t y_row;            // elements from one row to the next
  int last_outputs;         // of the last strip, 1..16
  float low, high;          // of Epilogue
  int y_zero_point;
};

struct DenseKernelRow {
  const char* name;
  Isa isa;
  Element x, y;
  void (*run)(const DenseArguments&);
};

}  // namespace apus
