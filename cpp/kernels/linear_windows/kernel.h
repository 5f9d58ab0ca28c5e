// One call of a window kernel: one row of x against some strips. Plain data, safe for sealed ISA files.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "kernels/block16/block16.h"

namespace apus {

inline constexpr int64_t kWindow = 128;           // columns of a window
inline constexpr int64_t kWindowedInputs = 8192;  // K at most: a strip's bytes are gathered on the stack

inline constexpr int kBatch = 4;  // strips gathered together

struct WindowArguments {
  const uint8_t* x;        // [K], readable up to the next multiple of 64
  int64_t inputs;          // K
  const uint8_t* index;    // [B * 4] column mod kWindow, of block 0; 64 readable bytes behind the last
  const uint8_t* counts;   // of the first strip: [batches, windows, kBatch] blocks in each window
  int chunk;               // 16, 32 or 64: no window has more blocks, but for 64
  const uint32_t* strips;  // [strip_count + 1] first group of each, absolute
  int64_t strip_count;
  int64_t total_groups;     // of the whole matrix
  const int8_t* values;     // of group 0
  const int32_t* bias;      // of the first strip, [strips, 16], less x_zero_point * sum of weights
  const float* multiplier;  // likewise
  void* y;                  // of the first strip
  int last_rows;            // outputs of the last strip of the call, 1..16
  float low, high;          // of Epilogue
  int y_zero_point;
};

struct WindowKernelRow {
  const char* name;
  Isa isa;
  Element y;
  void (*run)(const WindowArguments&);
};

}  // namespace apus
