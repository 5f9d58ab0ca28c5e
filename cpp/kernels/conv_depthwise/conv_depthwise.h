// Depthwise convolution: output m reads input channel m / (M / C) alone, under any kernel, stride and dilation.
//
//   y[m, oy, ox] = epilogue(bias[m] + sum over (kh, kw) of w[m, kh, kw] * x[m / (M / C), iy, ix])
//
// Shapes, staging, exactness, slack and threads as in conv_block16.h. Values are [M, KH * KW] float32 or int8.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/positions.h"
#include "kernels/block16/strip.h"
#include "kernels/operator.h"
#include "kernels/planes/planes.h"

namespace apus {

struct DepthwiseWeights {
  int64_t outputs = 0;                // M, a multiple of the input channels
  const void* values = nullptr;       // [M, KH * KW] float32, or int8 with a uint8 x
  const void* bias = nullptr;         // [M] float32, or int32 with a uint8 x; null: zeros
  const float* multiplier = nullptr;  // [M], with a uint8 x
};

// `window` of as many channels as a depthwise kernel stages at a time, so that they stay in the L1 cache.
Window staged_window(Window window, Element element);

class ConvDepthwise final : public Operator {
 public:
  ConvDepthwise(const DepthwiseWeights& weights, const Window& window, const Epilogue& epilogue, Isa isa);

  // Some channels at a time are staged right before they are used, so that they stay in the L1 cache.
  int64_t scratch_bytes() const override { return planes_.bytes(); }
  bool owns_scratch() const override { return true; }
  void stage(const void*, void*, int, int) const override {}
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override;
  int64_t nonzero_macs() const override { return macs(); }
  double cost() const override;

 private:
  void pack_values(const DepthwiseWeights& weights);
  void pack_bias(const DepthwiseWeights& weights);

  const StripKernelRow* kernel_;
  Epilogue epilogue_;
  int64_t outputs_, taps_, padded_taps_;
  int64_t channels_;
  Planes planes_;  // of as many channels as are staged at a time
  std::vector<PositionVector> vectors_;
  std::vector<int32_t> offsets_;   // [padded taps] from the channel's first element
  std::vector<char> values_;       // [M, padded taps] float32, int8 or int16
  std::vector<int32_t> bias_;      // [M], bits of float32 or int32
  std::vector<float> multiplier_;  // [M]
};

}  // namespace apus
