#include "kernels/conv_depthwise_rows/conv_depthwise_rows.h"

#include <algorithm>
#include <cstring>

#include "kernels/conv_depthwise_rows/table.h"

namespace apus {
namespace {

const RowKernelRow* find(Isa isa) {
  for (const RowKernelRow& row : conv_depthwise_rows_kernels()) {
    if (row.isa <= isa) return &row;
  }
  return nullptr;
}

// By stride 1, a row's taps also come shifted by one.
int64_t dwords_of(const Window& window) { return (window.kernel[1] + (window.strides[1] == 1 ? 1 : 0) + 3) / 4; }

}  // namespace

bool ConvDepthwiseRows::serves(const Window& window, const Epilogue& epilogue, Isa isa) {
  return epilogue.x == Element::u8 && epilogue.y == Element::u8 && window.strides[1] <= 2 && window.dilations[1] == 1 &&
         find(isa) != nullptr;
}

ConvDepthwiseRows::ConvDepthwiseRows(const DepthwiseWeights& weights, const Window& window, const Epilogue& epilogue,
                                     Isa isa)
    : kernel_(find(isa)),
      epilogue_(epilogue),
      outputs_(weights.outputs),
      channels_(window.channels),
      dwords_(dwords_of(window)),
      stride_(static_cast<int>(window.strides[1])),
      planes_(staged_window(window, epilogue.x), epilogue.x, epilogue.x_zero_point, isa, Planes::Columns::together) {
  for (int64_t row = 0; row < window.kernel[0]; ++row)
    rows_.push_back(static_cast<int32_t>(planes_.offset(row * window.kernel[1])));
  pack(weights);
  plan_runs();
}

void ConvDepthwiseRows::pack_row(const int8_t* taps, int64_t count) {
  for (int64_t dword = 0; dword < dwords_; ++dword) {
    for (int shift = 0; shift < 2 / stride_; ++shift) {
      int8_t four[4];
      for (int64_t i = 0; i < 4; ++i) {
        const int64_t tap = 4 * dword + i - shift;
        four[i] = tap >= 0 && tap < count ? taps[tap] : int8_t{0};
      }
      std::memcpy(&weights_.emplace_back(), four, 4);
    }
  }
}

// sum w * (x - zero) + bias = sum w * x + (bias - zero * sum w)
void ConvDepthwiseRows::pack(const DepthwiseWeights& weights) {
  const int64_t KH = planes_.window().kernel[0], KW = planes_.window().kernel[1];
  bias_.assign(static_cast<size_t>(outputs_), 0);
  if (weights.bias) std::memcpy(bias_.data(), weights.bias, static_cast<size_t>(outputs_) * 4);
  multiplier_.assign(weights.multiplier, weights.multiplier + outputs_);
  const int8_t* taps = static_cast<const int8_t*>(weights.values);
  for (int64_t m = 0; m < outputs_; ++m) {
    int64_t sum = 0;
    for (int64_t row = 0; row < KH; ++row, taps += KW) {
      pack_row(taps, KW);
      for (int64_t tap = 0; tap < KW; ++tap) sum += taps[tap];
    }
    int32_t& bias = bias_[static_cast<size_t>(m)];
    bias = static_cast<int32_t>(bias - sum * epilogue_.x_zero_point);
  }
}

void ConvDepthwiseRows::plan_runs() {
  const Window& window = planes_.window();
  constexpr int kVectors = kRun / kVector;
  const auto vectors = cover_positions(window.out_height, window.out_width, planes_.pitch() / stride_, kVectors);
  for (size_t i = 0; i < vectors.size(); i += kVectors) {
    RowRun run{vectors[i].x * stride_, vectors[i].y, 0};
    for (size_t k = 0; k < kVectors; ++k) run.keep |= uint64_t{vectors[i + k].keep} << (kVector * k);
    runs_.push_back(run);
  }
}

void ConvDepthwiseRows::compute(const void* x, void* scratch, void* y, int part, int parts) const {
  const Window& window = planes_.window();
  const int64_t multiple = outputs_ / channels_, image = window.height * window.width;
  const int64_t last = outputs_ * (part + 1) / parts;
  RowArguments a{};
  a.x = static_cast<const uint8_t*>(scratch);
  a.x_channel = planes_.channel(), a.multiple = multiple;
  a.rows = rows_.data(), a.kernel_rows = window.kernel[0], a.dwords = dwords_, a.stride = stride_;
  a.y_plane = window.out_height * window.out_width;
  a.runs = runs_.data(), a.run_count = static_cast<int64_t>(runs_.size());
  a.low = epilogue_.low, a.high = epilogue_.high, a.y_zero_point = epilogue_.y_zero_point;
  const int64_t output_weights = static_cast<int64_t>(weights_.size()) / std::max<int64_t>(1, outputs_);
  for (int64_t m = outputs_ * part / parts; m < last; m += a.outputs) {
    const int64_t channel = m / multiple, end = std::min(channel + window.channels, (last - 1) / multiple + 1);
    planes_.stage_first(static_cast<const uint8_t*>(x) + channel * image, scratch, end - channel);
    a.first = m - channel * multiple;
    a.outputs = std::min(last, end * multiple) - m;
    a.weights = weights_.data() + m * output_weights;
    a.bias = bias_.data() + m, a.multiplier = multiplier_.data() + m;
    a.y = static_cast<uint8_t*>(y) + m * a.y_plane;
    kernel_->run(a);
  }
}

int64_t ConvDepthwiseRows::macs() const {
  const Window& window = planes_.window();
  return outputs_ * window.kernel[0] * window.kernel[1] * window.out_height * window.out_width;
}

double ConvDepthwiseRows::cost() const {
  const double run = 2.2 * static_cast<double>(planes_.window().kernel[0] * dwords_) + 12;
  return run * static_cast<double>(runs_.size()) * static_cast<double>(outputs_);
}

}  // namespace apus
