#include "kernels/planes/planes.h"

#include <algorithm>

namespace apus {

#define STAGE_KERNEL(isa, element, function) void function(const StageArguments&);
#define STAGE_ROWS_KERNEL(isa, function) void function(const StageRowsArguments&);
#include "kernels/planes/table.inc"
#undef STAGE_KERNEL
#undef STAGE_ROWS_KERNEL

namespace {

constexpr int64_t kWholeRow = 96;  // bytes from which on a row is better copied whole

struct StageRow {
  Isa isa;
  Element element;
  StageKernel kernel;
};

constexpr StageRow kRows[] = {
#define STAGE_KERNEL(isa, element, function) {Isa::isa, Element::element, function},
#define STAGE_ROWS_KERNEL(isa, function)
#include "kernels/planes/table.inc"
#undef STAGE_KERNEL
#undef STAGE_ROWS_KERNEL
    {Isa::scalar, Element::u8, nullptr}, {Isa::scalar, Element::f32, nullptr}};

const StageRow& find_kernel(Isa isa, Element element) {
  const StageRow* row = kRows;
  while (row->isa > isa || row->element != element) ++row;  // the last ones take any
  return *row;
}

struct StageRowsRow {
  Isa isa;
  StageRowsKernel kernel;
};

constexpr StageRowsRow kRowsRows[] = {
#define STAGE_KERNEL(isa, element, function)
#define STAGE_ROWS_KERNEL(isa, function) {Isa::isa, function},
#include "kernels/planes/table.inc"
#undef STAGE_KERNEL
#undef STAGE_ROWS_KERNEL
    {Isa::scalar, nullptr}};

StageRowsKernel find_rows_kernel(Isa isa) {
  const StageRowsRow* row = kRowsRows;
  while (row->isa > isa) ++row;
  return row->kernel;
}

}  // namespace

Planes::Planes(const Window& window, Element element, int pad_value, Isa isa, Columns columns)
    : window_(window), element_(element), pad_value_(pad_value) {
  const auto all = [](const int64_t* v, int64_t n, int64_t is) {
    return std::all_of(v, v + n, [=](int64_t i) { return i == is; });
  };
  const bool together = columns == Columns::together;
  direct_ = all(window.pads, 4, 0) && all(window.strides, 2, 1) && !together;
  rows_ = plan_axis(window, 0, 1);
  columns_ = plan_axis(window, 1, together ? window.strides[1] : 1);
  pitch_ = direct_ ? window.width : columns_.length - columns_.shared;
  plane_ = direct_ ? window.height * window.width : rows_.length * pitch_;
  channel_ = plane_;
  if (direct_) return;
  const int64_t phases = static_cast<int64_t>(rows_.remainders.size() * columns_.remainders.size());
  const int64_t line = 64 / element_size(element);
  channel_ = (plane_ * phases + line - 1) / line * line;
  isa_ = find_kernel(isa, element).isa;
  kernel_ = find_kernel(isa, element).kernel;
  if (together && element == Element::u8) plan_rows();
  if (rows_kernel_) return;
  if (kernel_)
    plan_lines();
  else
    plan_spans();
}

// Where a row's padding, and that of the next, are within 64 bytes of its end.
void Planes::plan_rows() {
  const int64_t end = std::min(columns_.pad + window_.width, pitch_);
  if (window_.width < kWholeRow || pitch_ + columns_.pad - end > 64) return;
  rows_kernel_ = find_rows_kernel(isa_);
  for (const int64_t remainder : rows_.remainders) {
    for (int64_t i = 0; i < rows_.length; ++i) {
      const int64_t y = i * rows_.stride + remainder - rows_.pad;
      row_sources_.push_back(static_cast<int32_t>(y >= 0 && y < window_.height ? y * window_.width : -1));
    }
  }
}

int64_t Planes::source(int64_t element) const {
  const int64_t phase = element / plane_, count = static_cast<int64_t>(columns_.remainders.size());
  if (phase >= count * static_cast<int64_t>(rows_.remainders.size())) return -1;
  const int64_t y = element % plane_ / pitch_ * rows_.stride + rows_.remainders[phase / count] - rows_.pad;
  const int64_t x = element % pitch_ * columns_.stride + columns_.remainders[phase % count] - columns_.pad;
  const bool inside = y >= 0 && y < window_.height && x >= 0 && x < window_.width;
  return inside ? y * window_.width + x : -1;
}

void Planes::plan_lines() {
  for (int64_t first = 0; first < channel_; first += 64 / element_size(element_)) plan_line(first);
}

// Windows of the source, each starting at the first element that is still missing.
void Planes::plan_line(int64_t first) {
  const int64_t lanes = 64 / element_size(element_);
  int64_t from[64];
  uint64_t missing = 0;
  for (int64_t i = 0; i < lanes; ++i) {
    from[i] = source(first + i);
    missing |= uint64_t{from[i] >= 0} << i;
  }
  lines_.push_back({static_cast<int64_t>(pieces_.size()), 0});
  for (; missing; ++lines_.back().count) {
    const int64_t start = from[__builtin_ctzll(missing)];
    StagePiece piece{{}, 0, start * element_size(element_)};
    for (int64_t i = 0; i < lanes; ++i) {
      const int64_t at = from[i] - start;
      if (!(missing >> i & 1) || at < 0 || at >= lanes) continue;
      piece.index[i] = static_cast<uint8_t>(at);
      piece.mask |= uint64_t{1} << i;
    }
    missing &= ~piece.mask;
    pieces_.push_back(piece);
  }
}

Planes::Axis Planes::plan_axis(const Window& window, int axis, int64_t step) {
  const int64_t outputs = axis == 0 ? window.out_height : window.out_width;
  Axis plan{window.strides[axis] / step, window.pads[axis], axis == 0 ? window.height : window.width, 0, {}, {}, {}, 0};
  for (int64_t tap = 0; tap < window.kernel[axis]; ++tap) {
    const int64_t at = tap * window.dilations[axis], remainder = at % plan.stride;
    const auto known = std::find(plan.remainders.begin(), plan.remainders.end(), remainder);
    plan.tap_phase.push_back(known - plan.remainders.begin());
    plan.tap_shift.push_back(at / plan.stride);
    if (known == plan.remainders.end()) plan.remainders.push_back(remainder);
    plan.length = std::max(plan.length, step * (outputs - 1) + 1 + at / plan.stride);
  }
  plan.length = (plan.length + step - 1) / step * step;
  plan.shared = plan.length - step * outputs;  // positions of neighbouring rows must not overlap
  for (const int64_t remainder : plan.remainders) {
    const int64_t before = std::max<int64_t>(0, (plan.pad - remainder + plan.stride - 1) / plan.stride);
    const int64_t beyond = std::max<int64_t>(0, (plan.pad + plan.size - remainder + plan.stride - 1) / plan.stride);
    plan.shared = std::min({plan.shared, before, std::max<int64_t>(0, plan.length - beyond)});
  }
  plan.shared = plan.shared / step * step;
  return plan;
}

// Past the last plane: the shared padding of its last row, and what vectors of 16 positions read too much or whole rows
// write.
int64_t Planes::bytes() const {
  if (direct_) return 0;
  const int64_t slack = rows_kernel_ ? 2 * kSlack : kSlack;
  return ((window_.channels * channel_ + columns_.shared) * element_size(element_) + slack + 63) / 64 * 64;
}

int64_t Planes::offset(int64_t weight_column) const {
  const int64_t KH = window_.kernel[0], KW = window_.kernel[1];
  const int64_t c = weight_column / (KH * KW), kh = weight_column / KW % KH, kw = weight_column % KW;
  if (direct_) return (c * window_.height + kh * window_.dilations[0]) * pitch_ + kw * window_.dilations[1];
  const int64_t phase = rows_.tap_phase[kh] * static_cast<int64_t>(columns_.remainders.size()) + columns_.tap_phase[kw];
  return c * channel_ + phase * plane_ + rows_.tap_shift[kh] * pitch_ + columns_.tap_shift[kw];
}

void Planes::plan_spans() {
  const int64_t stride = columns_.stride;
  for (const int64_t remainder : columns_.remainders) {
    const int64_t shift = remainder - columns_.pad;  // of the input that element 0 would be
    const int64_t begin = std::min(pitch_, std::max<int64_t>(0, (-shift + stride - 1) / stride));
    const int64_t end = std::clamp<int64_t>((window_.width - shift + stride - 1) / stride, begin, pitch_);
    spans_.push_back({begin, end, begin * stride + shift});
  }
}

}  // namespace apus
