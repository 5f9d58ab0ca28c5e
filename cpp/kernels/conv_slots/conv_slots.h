// Convolution of bytes with single int8 weights, NCHW, by the slots of linear_slots: the sums of conv_block16.h, bit
// for bit, by another road to x.
//
// The image is staged channels last, its padding written out: then what a position meets is a row of x to the slots'
// kernel, in which tap (kh, kw) of channel c lies (kh * dilation * pitch + kw * dilation) * channels + c bytes from the
// position's first, and neighbouring positions are rows one stride apart. Results are turned back into planes a tile of
// positions at a time. Reads x up to kSlack bytes past its end; writes y exactly. Running allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/shares.h"
#include "kernels/linear_slots/kernel.h"
#include "kernels/linear_slots/slots.h"
#include "kernels/operator.h"
#include "kernels/planes/channels_last.h"

namespace apus {

class ConvSlots final : public Operator {
 public:
  // True if this CPU has a kernel for these types, there is one group, and lines of an image can be numbered.
  static bool serves(const UnstructuredWeights& weights, const Window& window, const Epilogue& epilogue, Isa isa);

  // What `weights` point to need not outlive it. Made for `threads` parts.
  ConvSlots(const UnstructuredWeights& weights, const Window& window, const Epilogue& epilogue, Isa isa, int threads);

  int64_t scratch_bytes() const override;
  void stage(const void* x, void* scratch, int part, int parts) const override;
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override { return outputs_ * inputs_ * positions(); }
  int64_t nonzero_macs() const override { return count_ * positions(); }
  double cost() const override;
  double imbalance() const override { return shares_.imbalance(); }

 private:
  int64_t positions() const { return window_.out_height * window_.out_width; }
  int64_t tiles() const;
  SlotArguments arguments(int64_t first, int64_t last) const;
  void sum_tile(const uint8_t* staged, int64_t first, int64_t last, SlotArguments a, void* sums) const;

  Window window_;
  Epilogue epilogue_;
  int64_t inputs_, outputs_, count_;
  ChannelsLast staged_;
  const SlotKernelRow* kernel_;
  WeightSlots slots_;
  std::vector<int32_t> bias_;      // [S * 16]
  std::vector<float> multiplier_;  // [S * 16]
  Shares alone_, shares_;          // of one part, and of all
};

}  // namespace apus
