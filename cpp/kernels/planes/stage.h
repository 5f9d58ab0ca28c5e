// One call of a staging kernel. Plain data, safe for sealed ISA files.
#pragma once

#include <cstdint>

namespace apus {

// Up to 64 staged bytes that come from one window of 64 source bytes: byte i, where bit i of `mask` is set, is byte
// index[i] of the window. For float32, lane i and lane index[i], of 16.
struct alignas(64) StagePiece {
  uint8_t index[64];
  uint64_t mask;
  int64_t source;  // bytes from the channel's start
};

// 64 staged bytes: pieces first .. first + count, padding elsewhere.
struct StageLine {
  int64_t first, count;
};

struct StageArguments {
  const char* x;  // of the first channel
  char* staged;   // of the first channel, 64-byte aligned
  int64_t channels;
  int64_t x_channel, staged_channel;  // bytes; staged_channel = 64 * lines
  const StagePiece* pieces;
  const StageLine* lines;
  int64_t line_count;
  int pad_value;
};

using StageKernel = void (*)(const StageArguments&);

// Rows of bytes copied whole, in ascending order: each writes up to 64 bytes more than it has, which are the next
// one's.
struct StageRowsArguments {
  const uint8_t* x;  // of the first channel, 64 readable bytes behind the last
  uint8_t* staged;   // of the first channel, 128 writable bytes behind the last
  int64_t channels;
  int64_t x_channel, staged_channel;
  const int32_t* from;  // [rows] of a channel: its byte of x; -1: padding
  int64_t rows;
  int64_t width, left, pitch;  // bytes of x in a row, of padding before it, and of a staged row
  int pad_value;
};

using StageRowsKernel = void (*)(const StageRowsArguments&);

}  // namespace apus
