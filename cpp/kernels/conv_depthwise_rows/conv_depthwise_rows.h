// Depthwise convolution of bytes by strides 1 and 2 along the row: the sum of conv_depthwise.h, bit for bit, by another
// road to x.
//
// A dword of x holds four neighbouring pixels, and four taps of a kernel row are four neighbouring weights: with the
// weights shifted within their dword, one dot product of bytes gives one position of every four, so no pixel is moved.
//
//   stride 1:  y[4i]     = x[4i ..]     . (w0 w1 w2 w3),   y[4i + 1] = x[4i ..]     . (0 w0 w1 w2)
//              y[4i + 2] = x[4i + 2 ..] . (w0 w1 w2 w3),   y[4i + 3] = x[4i + 2 ..] . (0 w0 w1 w2)
//   stride 2:  y[2i]     = x[4i ..]     . (w0 w1 w2 w3),   y[2i + 1] = x[4i + 2 ..] . (w0 w1 w2 w3)
//
// and on with the next dword of x and of the taps for wider kernels. Planes keep their columns together; the rows are
// split by stride (planes.h). Weights of a row are [D, 2] dwords for stride 1, [D, 1] for stride 2.
// Reads its own staged copy alone; writes y exactly.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/conv_depthwise/conv_depthwise.h"
#include "kernels/conv_depthwise_rows/kernel.h"
#include "kernels/operator.h"
#include "kernels/planes/planes.h"

namespace apus {

class ConvDepthwiseRows final : public Operator {
 public:
  // True if this CPU and this geometry have such a kernel.
  static bool serves(const Window& window, const Epilogue& epilogue, Isa isa);

  ConvDepthwiseRows(const DepthwiseWeights& weights, const Window& window, const Epilogue& epilogue, Isa isa);

  int64_t scratch_bytes() const override { return planes_.bytes() + kReach; }
  bool owns_scratch() const override { return true; }
  void stage(const void*, void*, int, int) const override {}
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override;
  int64_t nonzero_macs() const override { return macs(); }
  double cost() const override;

 private:
  static constexpr int64_t kReach = 2 * kRun;  // bytes that a run at the last position reads past it, at most

  void pack_row(const int8_t* taps, int64_t count);
  void pack(const DepthwiseWeights& weights);
  void plan_runs();

  const RowKernelRow* kernel_;
  Epilogue epilogue_;
  int64_t outputs_, channels_, dwords_;
  int stride_;
  Planes planes_;  // of as many channels as are staged at a time
  std::vector<RowRun> runs_;
  std::vector<int32_t> rows_;      // [KH]
  std::vector<int32_t> weights_;   // [M, KH, D, 2 / stride]
  std::vector<int32_t> bias_;      // [M]
  std::vector<float> multiplier_;  // [M]
};

}  // namespace apus
