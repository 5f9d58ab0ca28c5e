// One call of a slots kernel: a few rows of x against some strips. Plain data, safe for sealed ISA files.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "kernels/block16/strip.h"

namespace apus {

inline constexpr int64_t kSlotRows = 4;    // rows of x at a time
inline constexpr int64_t kSlotLine = 64;   // bytes: windows begin at multiples of it, and are two of it
inline constexpr int64_t kSlotBytes = 64;  // of a slot's weights: 16 float32, or 16 times four int8

struct SlotArguments {
  const void* x;           // row 0
  int64_t x_row;           // bytes from one row of x to the next
  int64_t rows;            // of x, 1..kSlotRows
  int64_t second;          // bytes from a window's first line to its second: 0 where x has but one
  const uint16_t* lines;   // [slots] first line of the window
  const uint8_t* index;    // [slots, 16] elements, or [slots, 16, 4] bytes, from the window's beginning
  const void* values;      // of the same shape
  const uint32_t* strips;  // [strip_count + 1] first slot of each
  int64_t strip_count;
  const void* bias;         // [strips, 16] float32, or int32 less x_zero_point * sum of weights
  const float* multiplier;  // likewise, with a uint8 x
  void* y;                  // of the first strip and row
  int64_t y_row;            // elements from one row to the next
  int last_outputs;         // of the last strip, 1..16
  float low, high;          // of Epilogue
  int y_zero_point;
};

struct SlotKernelRow {
  const char* name;
  Isa isa;
  Element x, y;
  void (*run)(const SlotArguments&);
};

}  // namespace apus
