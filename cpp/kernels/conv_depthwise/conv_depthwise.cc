#include "kernels/conv_depthwise/conv_depthwise.h"

#include <algorithm>
#include <cstring>

#include "kernels/block16/packed.h"
#include "kernels/conv_depthwise/table.h"

namespace apus {
namespace {

constexpr int64_t kStaged = 16 << 10;  // bytes at a time: a third of an L1 cache

// Bytes on VNNI are summed 64 positions at a time.
int run_of(const StripKernelRow& kernel, const Epilogue& epilogue) {
  return kernel.isa == Isa::vnni && epilogue.x == Element::u8 ? 4 : 1;
}

}  // namespace

Window staged_window(Window window, Element element) {
  const int64_t height = window.height + window.pads[0] + window.pads[2];
  const int64_t width = window.width + window.pads[1] + window.pads[3];
  const int64_t bytes = std::max<int64_t>(1, height * width * element_size(element));
  window.channels = std::clamp<int64_t>(kStaged / bytes, 1, window.channels);
  return window;
}

// Taps of int8 come in fours like the columns of a group: zero weights that read the last real tap again.
ConvDepthwise::ConvDepthwise(const DepthwiseWeights& weights, const Window& window, const Epilogue& epilogue, Isa isa)
    : kernel_(&find_strip_kernel(conv_depthwise_kernels(), isa, Walk::channel, epilogue)),
      epilogue_(epilogue),
      outputs_(weights.outputs),
      taps_(window.kernel[0] * window.kernel[1]),
      padded_taps_(epilogue.x == Element::u8 ? (taps_ + 3) / 4 * 4 : taps_),
      channels_(window.channels),
      planes_(staged_window(window, epilogue.x), epilogue.x, epilogue.x_zero_point, isa),
      vectors_(cover_positions(window.out_height, window.out_width, planes_.pitch(), run_of(*kernel_, epilogue))) {
  for (int64_t tap = 0; tap < padded_taps_; ++tap) {
    offsets_.push_back(static_cast<int32_t>(planes_.offset(std::min(tap, taps_ - 1))));
  }
  pack_values(weights);
  pack_bias(weights);
}

void ConvDepthwise::pack_values(const DepthwiseWeights& weights) {
  const int64_t size = epilogue_.x == Element::f32 ? 4 : kernel_->values == Values::s16 ? 2 : 1;
  values_.assign(outputs_ * padded_taps_ * size, 0);
  if (epilogue_.x == Element::f32) return void(std::memcpy(values_.data(), weights.values, values_.size()));
  for (int64_t m = 0; m < outputs_; ++m) {
    for (int64_t tap = 0; tap < taps_; ++tap) {
      const int8_t value = static_cast<const int8_t*>(weights.values)[m * taps_ + tap];
      const int64_t at = m * padded_taps_ + tap;
      if (kernel_->values == Values::s16)
        reinterpret_cast<int16_t*>(values_.data())[at] = value;
      else
        reinterpret_cast<int8_t*>(values_.data())[at] = value;
    }
  }
}

// sum w * (x - zero) + bias = sum w * x + (bias - zero * sum w)
void ConvDepthwise::pack_bias(const DepthwiseWeights& weights) {
  bias_.assign(outputs_, 0);
  multiplier_.assign(outputs_, 0.0f);
  if (weights.bias) std::memcpy(bias_.data(), weights.bias, outputs_ * 4);
  if (epilogue_.x == Element::f32) return;
  std::copy_n(weights.multiplier, outputs_, multiplier_.data());
  for (int64_t m = 0; m < outputs_; ++m) {
    int64_t sum = 0;
    for (int64_t tap = 0; tap < taps_; ++tap) sum += static_cast<const int8_t*>(weights.values)[m * taps_ + tap];
    bias_[m] = static_cast<int32_t>(bias_[m] - sum * epilogue_.x_zero_point);
  }
}

void ConvDepthwise::compute(const void* x, void* scratch, void* y, int part, int parts) const {
  const Window& window = planes_.window();
  const int64_t positions = window.out_height * window.out_width, multiple = outputs_ / channels_;
  const int64_t image = window.height * window.width * element_size(epilogue_.x);
  const int64_t staged = planes_.channel() * element_size(epilogue_.x);
  StripArguments a{};
  a.offsets = offsets_.data();
  a.groups = epilogue_.x == Element::u8 ? padded_taps_ / 4 : padded_taps_;
  a.rows = 1;
  a.vectors = vectors_.data();
  a.vector_count = static_cast<int64_t>(vectors_.size());
  a.low = epilogue_.low;
  a.high = epilogue_.high;
  a.y_zero_point = epilogue_.y_zero_point;
  const int64_t last = outputs_ * (part + 1) / parts;
  int64_t first = 0, end = 0;  // channels that are staged
  for (int64_t m = outputs_ * part / parts; m < last; ++m) {
    const int64_t channel = m / multiple;
    if (channel >= end && !planes_.direct()) {
      first = channel, end = std::min(channel + window.channels, (last - 1) / multiple + 1);
      planes_.stage_first(static_cast<const char*>(x) + first * image, scratch, end - first);
    }
    a.x = planes_.direct() ? static_cast<const char*>(x) + channel * image
                           : static_cast<const char*>(scratch) + (channel - first) * staged;
    a.values = values_.data() + m * (static_cast<int64_t>(values_.size()) / outputs_);
    a.bias = bias_.data() + m;
    a.multiplier = multiplier_.data() + m;
    a.y = static_cast<char*>(y) + m * positions * element_size(epilogue_.y);
    kernel_->run(a);
  }
}

int64_t ConvDepthwise::macs() const {
  return outputs_ * taps_ * planes_.window().out_height * planes_.window().out_width;
}

double ConvDepthwise::cost() const {
  constexpr double kTap[kIsaCount] = {16, 3, 3, 2, 1, 0.7, 0.7, 0.7};
  constexpr double kStore[kIsaCount] = {32, 12, 12, 12, 6, 6, 6, 6};
  const int isa = static_cast<int>(kernel_->isa);
  const double vector = kTap[isa] * static_cast<double>(padded_taps_) + kStore[isa];
  return vector * static_cast<double>(vectors_.size()) * static_cast<double>(outputs_);
}

}  // namespace apus
