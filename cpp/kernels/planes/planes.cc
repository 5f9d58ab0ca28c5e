#include "kernels/planes/planes.h"

#include <algorithm>
#include <cstring>

namespace apus {

Planes::Planes(const Window& window, Element element, int pad_value, Isa)
    : window_(window), element_(element), pad_value_(pad_value) {
  const auto all = [](const int64_t* v, int64_t n, int64_t is) { return std::all_of(v, v + n, [=](int64_t i) { return i == is; }); };
  direct_ = all(window.pads, 4, 0) && all(window.strides, 2, 1);
  rows_ = plan_axis(window, 0);
  columns_ = plan_axis(window, 1);
  pitch_ = direct_ ? window.width : columns_.length - columns_.shared;
  plane_ = direct_ ? window.height * window.width : rows_.length * pitch_;
  channel_ = plane_ * static_cast<int64_t>(rows_.remainders.size() * columns_.remainders.size());
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
  if (element_ == Element::f32) stage_channels(static_cast<const float*>(x), static_cast<float*>(staged), first, last);
  else stage_channels(static_cast<const uint8_t*>(x), static_cast<uint8_t*>(staged), first, last);
}

template <class T>
void Planes::stage_channels(const T* x, T* staged, int64_t first, int64_t last) const {
  for (int64_t c = first; c < last; ++c) {
    T* row = staged + c * channel_;
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
  }
  if (last == window_.channels) std::fill_n(staged + last * channel_, columns_.shared, static_cast<T>(pad_value_));
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
