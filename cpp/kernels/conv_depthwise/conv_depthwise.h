// Depthwise convolution: output m reads input channel m / (M / C) alone, under any kernel, stride and dilation.
//
//   y[m, oy, ox] = epilogue(bias[m] + sum over (kh, kw) of w[m, kh, kw] * x[m / (M / C), iy, ix])
//
// Shapes, staging, exactness, slack and threads as in conv_block16.h. Values are [M, KH * KW] float32 or int8.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/positions.h"
#include "kernels/planes/planes.h"

namespace apus {

struct DepthwiseWeights {
  int64_t outputs = 0;                // M, a multiple of the input channels
  const void* values = nullptr;       // [M, KH * KW] float32, or int8 with a uint8 x
  const void* bias = nullptr;         // [M] float32, or int32 with a uint8 x; null: zeros
  const float* multiplier = nullptr;  // [M], with a uint8 x
};

class ConvDepthwise {
 public:
  ConvDepthwise(const DepthwiseWeights& weights, const Window& window, const Epilogue& epilogue, Isa isa);

  int64_t scratch_bytes() const { return planes_.bytes(); }
  void stage(const void* x, void* scratch, int part, int parts) const;
  void compute(const void* x, const void* scratch, void* y, int part, int parts) const;

  const char* kernel() const { return kernel_name_; }
  Isa isa() const { return isa_; }
  int64_t macs() const;
  double cost() const;
};

}  // namespace apus
