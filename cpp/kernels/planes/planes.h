// Staging: an NCHW image copied into planes in which every tap of a convolution is one constant offset.
//
// Output position (oy, ox) has the flat number p = oy * pitch + ox. Its input under column (c, kh, kw) of the weights
// is staged[offset((c * KH + kh) * KW + kw) + p], whatever the stride and dilation: a stride s splits a channel into
// phases (the rows and columns of one remainder mod s), each a plane with the padding written out. The right padding of
// a row is the left padding of the next. Positions with ox >= out_width are garbage, to be dropped by whoever stores
// them. Without padding and stride the image itself has this form (`direct`) and nothing is copied.
//
// With the columns kept `together` only rows are split: a row stays as it is between its padding, `pitch` is a multiple
// of its stride s, p = oy * pitch / s + ox, and the input is staged[offset(...) + s * p]. Such an image is always
// copied.
#pragma once

#include <cstdint>
#include <vector>

#include "base/isa.h"
#include "kernels/block16/block16.h"
#include "kernels/planes/stage.h"

namespace apus {

// Two axes, height then width; a 1-D convolution has height 1. `pads`: top, left, bottom, right.
struct Window {
  int64_t channels = 0, height = 0, width = 0, out_height = 0, out_width = 0;
  int64_t kernel[2] = {1, 1}, strides[2] = {1, 1}, dilations[2] = {1, 1}, pads[4] = {0, 0, 0, 0};
};

class Planes {
 public:
  enum class Columns : uint8_t { split, together };

  Planes(const Window& window, Element element, int pad_value, Isa isa, Columns columns = Columns::split);

  const Window& window() const { return window_; }
  bool direct() const { return direct_; }
  int64_t bytes() const;  // of the staged image, slack included; 0 when direct
  int64_t pitch() const { return pitch_; }
  int64_t channel() const { return channel_; }  // elements from one channel to the next
  int64_t offset(int64_t weight_column) const;  // elements

  Isa isa() const { return isa_; }  // of the copy
  // Part `part` of `parts` of the copy of one image x [C, H, W]; the parts may run at once on several threads.
  // `staged` is 64-byte aligned.
  void stage(const void* x, void* staged, int part, int parts) const;
  // Whether positions may be staged apart: one phase, copied by lines.
  bool stages_positions() const;
  // What positions first..last (flat numbers) read, of every channel.
  void stage_positions(const void* x, void* staged, int64_t first, int64_t last) const;
  // The first `channels` of an image, as if it had no more.
  void stage_first(const void* x, void* staged, int64_t channels) const;

 private:
  // Along one axis: where the taps fall. A used remainder mod stride is a phase; each phase has `length` elements, of
  // which element j is input j * stride + remainder - pad.
  struct Axis {
    int64_t stride, pad, size, length;
    std::vector<int64_t> remainders;            // of the phases in use
    std::vector<int64_t> tap_phase, tap_shift;  // of tap k: index into remainders, and elements from its start
    int64_t shared = 0;                         // padding elements that begin and end every phase
  };

  // Elements begin..end of a staged row come from x, from `first` on by stride; the others are padding.
  struct Span {
    int64_t begin, end, first;
  };

  // `step`: elements from one output to the next; a phase's length is a multiple of it.
  static Axis plan_axis(const Window& window, int axis, int64_t step);
  int64_t source(int64_t element) const;  // of a channel's staged element: element of its image, or -1
  void plan_lines();
  void plan_line(int64_t first);
  void plan_spans();
  void plan_rows();
  void stage_range(const void* x, void* staged, int64_t first, int64_t last) const;
  void stage_rows(const void* x, void* staged, int64_t first, int64_t last) const;
  void stage_lines(const void* x, void* staged, int64_t first, int64_t last) const;
  void stage_lines(const void* x, void* staged, int64_t first, int64_t last, int64_t line, int64_t end) const;
  void stage_end(void* staged, int64_t channels) const;
  template <class T>
  void stage_channels(const T* x, T* staged, int64_t first, int64_t last) const;
  template <class T>
  void stage_row(const T* x, T* staged, const Span& span, bool roomy) const;

  Window window_;
  Element element_;
  int pad_value_;
  bool direct_ = false;
  Isa isa_ = Isa::scalar;
  StageKernel kernel_ = nullptr;           // by permuted lines
  StageRowsKernel rows_kernel_ = nullptr;  // by whole rows; with neither, stage_channels
  Axis rows_, columns_;
  int64_t pitch_ = 0, plane_ = 0, channel_ = 0;  // elements; a staged channel is a whole number of 64-byte lines
  std::vector<StagePiece> pieces_;
  std::vector<StageLine> lines_;
  std::vector<int32_t> row_sources_;  // of each row of a channel, as StageRowsArguments has it
  std::vector<Span> spans_;           // of each remainder of the columns, without a kernel
};

}  // namespace apus
