// An image with its channels side by side, a position's after another, its padding written out; and back to planes.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/planes/planes.h"
#include "kernels/planes/transpose.h"

namespace apus {

struct ChannelsLast {
  explicit ChannelsLast(const Window& w)
      : channels((w.channels + 15) / 16 * 16),
        pitch(w.width + w.pads[1] + w.pads[3]),
        height(w.height + w.pads[0] + w.pads[2]) {}

  int64_t elements() const { return height * pitch * channels; }
  // Element of output position (oy, ox): where the first row of its window begins.
  int64_t at(const Window& w, int64_t oy, int64_t ox) const {
    return (oy * w.strides[0] * pitch + ox * w.strides[1]) * channels;
  }

  int64_t channels;  // elements a position, as many as transpose_to_planes writes: past the image's own, any values
  int64_t pitch, height;  // positions a row, rows
};

// Part `part` of `parts` of the copy of x [C, H, W].
template <class T>
void stage_channels_last(const Window& w, const ChannelsLast& to, const T* x, T padding, T* staged, int part,
                         int parts) {
  const int64_t line = to.pitch * to.channels, image = w.height * w.width;
  for (int64_t row = to.height * part / parts; row < to.height * (part + 1) / parts; ++row) {
    T* first = staged + row * line;
    const int64_t from = row - w.pads[0];
    const bool inside = from >= 0 && from < w.height;
    T* own = first + (inside ? w.pads[1] * to.channels : line);
    std::fill(first, own, padding);
    if (!inside) continue;
    transpose_to_planes(x + from * w.width, own, to.channels, w.channels, image, 0, w.width);
    std::fill(own + w.width * to.channels, first + line, padding);
  }
}

// Rows [count, wide] to `outputs` planes `pitch` apart: whole vectors, then what is left one by one.
template <class T>
void rows_to_planes(const T* rows, int64_t wide, int64_t count, int64_t outputs, T* y, int64_t pitch) {
  constexpr int64_t kWhole = 16 / sizeof(T);
  const int64_t whole = count / kWhole * kWhole;
  if (whole > 0) transpose_to_planes(rows, y, pitch, whole, wide, 0, outputs);
  for (int64_t m = 0; m < outputs; ++m)
    for (int64_t p = whole; p < count; ++p) y[m * pitch + p] = rows[p * wide + m];
}

}  // namespace apus
