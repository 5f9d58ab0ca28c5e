// Pooling of single planes: y [out_height, out_width] from x [height, width].
//
// max: over the positions of the window that lie inside x (a window wholly outside gives -inf, or 0 for bytes).
// avg: the sum of those over their number, or over the window's area including padding (but nothing beyond the
// padding). Rows first: one row of x is reduced over the window's height into `scratch` (width elements), then over its
// width.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

struct PoolWindow {
  int64_t height, width, out_height, out_width;
  int64_t kernel[2], strides[2], dilations[2], pads[4];  // pads: top, left, bottom, right
  bool count_include_pad;
};

struct PoolTable {
  Isa isa;
  void (*max)(const float* x, float* y, const PoolWindow& window, float* scratch);
  void (*max_bytes)(const uint8_t* x, uint8_t* y, const PoolWindow& window, uint8_t* scratch);
  void (*avg)(const float* x, float* y, const PoolWindow& window, float* scratch);
};

const PoolTable& pool_table(Isa isa);

}  // namespace apus
