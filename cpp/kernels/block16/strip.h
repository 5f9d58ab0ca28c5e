// One call of a block16 kernel: one strip over some vectors of positions. Plain data, safe for sealed ISA files.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "kernels/block16/block16.h"

namespace apus {

inline constexpr int kStrip = 16;   // outputs of a strip
inline constexpr int kVector = 16;  // positions of a vector

// 16 consecutive flat positions of x, of which those in `keep` go to consecutive positions of y.
struct PositionVector {
  int64_t x;      // first flat position
  int64_t y;      // first position stored
  uint32_t keep;  // bit i: position x + i is stored
  int32_t count;  // bits in keep
};

struct StripArguments {
  const void* x;           // planes of the strip's group, or rows
  const int32_t* offsets;  // [groups * G] elements of x from position 0, one per block
  const void* values;      // [groups, 16, G]; int16 [groups, G / 2, 16, 2] where the kernel asks for s16
  int64_t groups;
  const void* bias;         // [16] float32, or int32 less x_zero_point (s8_centred: less 128) * sum of weights
  const float* multiplier;  // [16], with a uint8 x
  void* y;                  // row 0, position 0
  int64_t y_row;            // elements from one output (row of the weights) to the next
  int64_t y_position;       // elements from one position to the next
  int64_t x_position;       // rows kernels: elements from one row of x to the next
  int rows;                 // outputs in this strip, 1..16
  const PositionVector* vectors;
  int64_t vector_count;  // rows kernels: the number of rows of x
  float low, high;       // of Epilogue
  int y_zero_point;
};

using StripKernel = void (*)(const StripArguments&);

// How a kernel walks: over planes storing planes (y_position = 1), over planes storing rows (y_row = 1), over rows of x
// one at a time (y_row = 1), or over the planes of one channel (depthwise: one output, its taps for blocks).
enum class Walk : uint8_t { planes, planes_to_rows, rows, rows_of_runs, channel };

// How it takes weights: as they are stored, or int8 made int16. s8_centred: as stored, by a kernel that multiplies x -
// 128, which is signed; its bias makes up for that.
enum class Values : uint8_t { f32, bf16, s8, s8_centred, s16 };

struct StripKernelRow {
  const char* name;
  Isa isa;
  Walk walk;
  Element x, y;
  Values values;
  StripKernel run;
};

}  // namespace apus
