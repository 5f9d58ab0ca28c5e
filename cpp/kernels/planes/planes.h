// Staging: an NCHW image copied into planes in which every tap of a convolution is one constant offset.
//
// Output position (oy, ox) has the flat number p = oy * pitch + ox. Its input under tap (kh, kw) of channel c is
// staged[c * channel + tap(kh, kw) + p], whatever the stride and dilation: a stride s splits a channel into phases
// (the rows and columns of one remainder mod s), each a plane with the padding written out. The right padding of a row
// is the left padding of the next. Positions with ox >= out_width are garbage, to be dropped by whoever stores them.
// Without padding and stride the image itself has this form (`direct`) and nothing is copied.
#pragma once

#include <cstdint>
#include <vector>

#include "base/isa.h"
#include "kernels/block16/block16.h"

namespace apus {

// Two axes, height then width; a 1-D convolution has height 1. `pads`: top, left, bottom, right.
struct Window {
  int64_t channels = 0, height = 0, width = 0, out_height = 0, out_width = 0;
  int64_t kernel[2] = {1, 1}, strides[2] = {1, 1}, dilations[2] = {1, 1}, pads[4] = {0, 0, 0, 0};
};

class Planes {
 public:
  Planes(const Window& window, Element element, int pad_value, Isa isa);

  bool direct() const { return direct_; }
  int64_t bytes() const;      // of the staged image, slack included; 0 when direct
  int64_t pitch() const { return pitch_; }
  int64_t positions() const;  // flat positions, garbage included: (out_height - 1) * pitch + out_width
  int64_t channel() const { return channel_; }          // elements from one channel to the next
  int64_t tap(int64_t row, int64_t column) const;       // elements, of tap (kh, kw)
  int64_t offset(int64_t weight_column) const;          // elements, of column (c * KH + kh) * KW + kw
  const Window& window() const { return window_; }

  // Part `part` of `parts` of the copy of one image x [C, H, W]; the parts may run at once on several threads.
  // `staged` is 64-byte aligned.
  void stage(const void* x, void* staged, int part, int parts) const;

 private:
  struct Plane { int64_t row, column, rows; };          // phase remainders, and the rows that it holds
  struct Piece { int64_t source; uint64_t mask; uint8_t index[64]; };  // one permutation of 64 source bytes
  struct Line { int64_t first_piece, pieces; };         // the pieces that make 64 staged bytes

  void plan_phases();
  void plan_pitch();
  void plan_lines();
  void stage_rows(const void* x, void* staged, int64_t first, int64_t last) const;

  Window window_;
  Element element_;
  int pad_value_;
  Isa isa_;
  bool direct_ = false;
  int64_t pitch_ = 0, plane_ = 0, channel_ = 0;         // elements
  std::vector<int64_t> row_phase_, column_phase_;       // remainder -> index among those in use, or -1
  std::vector<Plane> phases_;
  std::vector<Piece> pieces_;
  std::vector<Line> lines_;
};

}  // namespace apus
