// One call of a row kernel: some outputs over the staged planes of their channels. Plain data, safe for sealed ISA
// files.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "kernels/planes/stage.h"

namespace apus {

inline constexpr int kRun = 64;  // positions of a run

// 64 flat positions, of which those in `keep` go to consecutive bytes of y.
struct RowRun {
  int64_t x;      // byte of the staged plane that the first position's first tap reads, less the row's offset
  int64_t y;      // first byte stored
  uint64_t keep;  // bit i: position i is stored
};

struct RowArguments {
  const uint8_t* x;        // staged planes of the first output's channel
  int64_t x_channel;       // bytes
  int64_t multiple;        // outputs of a channel
  const int32_t* rows;     // [KH] bytes from a plane's start to a kernel row's first tap
  int64_t kernel_rows;     // KH
  int64_t dwords;          // D: dwords of x that a kernel row touches
  int stride;              // along the row: 1 or 2
  const int32_t* weights;  // of the first output: [outputs, KH, D, 2 / stride], see conv_depthwise_rows.h
  const int32_t* bias;     // likewise, less x_zero_point * sum of weights
  const float* multiplier;
  uint8_t* y;              // of the first output
  int64_t y_plane;         // bytes of an output
  int64_t first, outputs;  // the first output's number, and how many
  const RowRun* runs;
  int64_t run_count;
  float low, high;  // of Epilogue
  int y_zero_point;
};

struct RowKernelRow {
  const char* name;
  Isa isa;
  void (*run)(const RowArguments&);
};

}  // namespace apus
