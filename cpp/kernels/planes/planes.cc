#include "kernels/planes/planes.h"

#include <algorithm>
#include <cstring>

namespace apus {

#define STAGE_KERNEL(isa, element, function) void function(const StageArguments&);
#include "kernels/planes/table.inc"
#undef STAGE_KERNEL

namespace {

struct StageRow {
  Isa isa;
  Element element;
  StageKernel kernel;
};

constexpr StageRow kRows[] = {
#define STAGE_KERNEL(isa, element, function) {Isa::isa, Element::element, function},
#include "kernels/planes/table.inc"
#undef STAGE_KERNEL
    {Isa::scalar, Element::u8, nullptr},
    {Isa::scalar, Element::f32, nullptr}};

const StageRow& find_kernel(Isa isa, Element element) {
  const StageRow* row = kRows;
  while (row->isa > isa || row->element != element) ++row;  // the last ones take any
  return *row;
}

}  // namespace

Planes::Planes(const Window& window, Element element, int pad_value, Isa isa)
    : window_(window), element_(element), pad_value_(pad_value) {
  const auto all = [](const int64_t* v, int64_t n, int64_t is) { return std::all_of(v, v + n, [=](int64_t i) { return i == is; }); };
  direct_ = all(window.pads, 4, 0) && all(window.strides, 2, 1);
  rows_ = plan_axis(window, 0);
  columns_ = plan_axis(window, 1);
  pitch_ = direct_ ? window.width : columns_.length - columns_.shared;
  plane_ = direct_ ? window.height * window.width : rows_.length * pitch_;
  channel_ = plane_;
  if (direct_) return;
  const int64_t phases = static_cast<int64_t>(rows_.remainders.size() * columns_.remainders.size());
  const int64_t line = 64 / element_size(element);
  channel_ = (plane_ * phases + line - 1) / line * line;
  isa_ = find_kernel(isa, element).isa;
  kernel_ = find_kernel(isa, element).kernel;
  if (kernel_) plan_lines();
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
  uint64_t missing = 0;
  for (int64_t i = 0; i < lanes; ++i) missing |= uint64_t{source(first + i) >= 0} << i;
  lines_.push_back({static_cast<int64_t>(pieces_.size()), 0});
  for (; missing; ++lines_.back().count) {
    const int64_t start = source(first + __builtin_ctzll(missing));
    StagePiece piece{{}, 0, start * element_size(element_)};
    for (int64_t i = 0; i < lanes; ++i) {
      const int64_t at = source(first + i) - start;
      if (!(missing >> i & 1) || at < 0 || at >= lanes) continue;
      piece.index[i] = static_cast<uint8_t>(at);
      piece.mask |= uint64_t{1} << i;
    }
    missing &= ~piece.mask;
    pieces_.push_back(piece);
  }
}

Planes::Axis Planes::plan_axis(const Window& window, int axis) {
  const int64_t outputs = axis == 0 ? window.out_height : window.out_width;
  Axis plan{window.strides[axis], window.pads[axis], axis == 0 ? window.height : window.width, 0, {}, {}, {}, 0};
  for (int64_t tap = 0; tap < window.kernel[axis]; ++tap) {
    const int64_t at = tap * window.dilations[axis], remainder = at % plan.stride;
    const auto known = std::find(plan.remainders.begin(), plan.remainders.end(), remainder);
    plan.tap_phase.push_back(known - plan.remainders.begin());
    plan.tap_shift.push_back(at / plan.stride);
    if (known == plan.remainders.end()) plan.remainders.push_back(remainder);
    plan.length = std::max(plan.length, outputs + at / plan.stride);
  }
  plan.shared = plan.length - outputs;  // positions of neighbouring rows must not overlap
  for (const int64_t remainder : plan.remainders) {
    const int64_t before = std::max<int64_t>(0, (plan.pad - remainder + plan.stride - 1) / plan.stride);
    const int64_t beyond = std::max<int64_t>(0, (plan.pad + plan.size - remainder + plan.stride - 1) / plan.stride);
    plan.shared = std::min({plan.shared, before, std::max<int64_t>(0, plan.length - beyond)});
  }
  return plan;
}

// Past the last plane: the shared padding of its last row, and what vectors of 16 positions read too much.
int64_t Planes::bytes() const {
  if (direct_) return 0;
  return ((window_.channels * channel_ + columns_.shared) * element_size(element_) + kSlack + 63) / 64 * 64;
}

int64_t Planes::offset(int64_t weight_column) const {
  const int64_t KH = window_.kernel[0], KW = window_.kernel[1];
  const int64_t c = weight_column / (KH * KW), kh = weight_column / KW % KH, kw = weight_column % KW;
  if (direct_) return (c * window_.height + kh * window_.dilations[0]) * pitch_ + kw * window_.dilations[1];
  const int64_t phase = rows_.tap_phase[kh] * static_cast<int64_t>(columns_.remainders.size()) + columns_.tap_phase[kw];
  return c * channel_ + phase * plane_ + rows_.tap_shift[kh] * pitch_ + columns_.tap_shift[kw];
}

void Planes::stage(const void* x, void* staged, int part, int parts) const {
  if (direct_) return;
  const int64_t first = window_.channels * part / parts, last = window_.channels * (part + 1) / parts;
  if (kernel_) stage_lines(x, staged, first, last);
  else if (element_ == Element::f32) stage_channels(static_cast<const float*>(x), static_cast<float*>(staged), first, last);
  else stage_channels(static_cast<const uint8_t*>(x), static_cast<uint8_t*>(staged), first, last);
}

void Planes::stage_lines(const void* x, void* staged, int64_t first, int64_t last) const {
  const int64_t x_channel = window_.height * window_.width * element_size(element_);
  const int64_t staged_channel = channel_ * element_size(element_);
  char* to = static_cast<char*>(staged);
  kernel_({static_cast<const char*>(x) + first * x_channel, to + first * staged_channel, last - first, x_channel,
           staged_channel, pieces_.data(), lines_.data(), static_cast<int64_t>(lines_.size()), pad_value_});
  if (last == window_.channels) stage_end(to);
}

// What vectors read past the last row, and its shared padding.
void Planes::stage_end(char* staged) const {
  staged += window_.channels * channel_ * element_size(element_);
  if (element_ == Element::u8) std::memset(staged, pad_value_, columns_.shared);
  else std::memset(staged, 0, columns_.shared * 4);
}

template <class T>
void Planes::stage_channels(const T* x, T* staged, int64_t first, int64_t last) const {
  for (int64_t c = first; c < last; ++c) {
    T *row = staged + c * channel_, *next = row + channel_;
    for (const int64_t row_remainder : rows_.remainders) {
      for (const int64_t column_remainder : columns_.remainders) {
        for (int64_t i = 0; i < rows_.length; ++i, row += pitch_) {
          const int64_t y = i * rows_.stride + row_remainder - rows_.pad;
          const bool inside = y >= 0 && y < window_.height;
          if (inside) stage_row(x + (c * window_.height + y) * window_.width, row, column_remainder);
          else std::fill_n(row, pitch_, static_cast<T>(pad_value_));
        }
      }
    }
    std::fill(row, next, static_cast<T>(pad_value_));
  }
  if (last == window_.channels) stage_end(reinterpret_cast<char*>(staged));
}

template <class T>
void Planes::stage_row(const T* x, T* staged, int64_t remainder) const {
  const int64_t stride = columns_.stride, shift = remainder - columns_.pad;
  const int64_t begin = std::min(pitch_, std::max<int64_t>(0, (-shift + stride - 1) / stride));
  const int64_t end = std::clamp<int64_t>((window_.width - shift + stride - 1) / stride, begin, pitch_);
  std::fill_n(staged, begin, static_cast<T>(pad_value_));
  const T* from = x + begin * stride + shift;
  if (stride == 1) std::memcpy(staged + begin, from, (end - begin) * sizeof(T));
  else for (int64_t j = begin; j < end; ++j, from += stride) staged[j] = *from;
  std::fill_n(staged + end, pitch_ - end, static_cast<T>(pad_value_));
}

}  // namespace apus
