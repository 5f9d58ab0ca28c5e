// Convolution of which every block is there: the sums of conv_block16.h by the kernels of linear_dense.
//
// The image is staged channels last, its padding written out, so a position's inputs are runs of bytes, one for each
// row of the window, and neighbouring positions are rows of x one stride apart. The weights are held in that order,
// too: a copy of their own. Results are turned back into planes a tile of positions at a time. int8 sums are exact,
// hence the bits of conv_block16.h; a float sum runs over the window row by row, whatever the positions beside it and
// the threads. Reads x up to kSlack bytes past its end; writes y exactly. Running allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "base/buffer.h"
#include "kernels/block16/packed.h"
#include "kernels/linear_dense/kernel.h"
#include "kernels/operator.h"
#include "kernels/planes/channels_last.h"

namespace apus {

class ConvDense final : public Operator {
 public:
  // True if this CPU has a kernel for these types, no block is absent, and a row of the window is one run.
  static bool serves(const Block16Weights& weights, const Window& window, const Epilogue& epilogue, Isa isa);

  // What `weights` point to need not outlive it. Made for `threads` parts.
  ConvDense(const Block16Weights& weights, const Window& window, const Epilogue& epilogue, Isa isa, int threads);

  int64_t scratch_bytes() const override;
  void stage(const void* x, void* scratch, int part, int parts) const override;
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override { return outputs_ * inputs_ * positions(); }
  int64_t nonzero_macs() const override { return macs(); }
  double cost() const override;
  double imbalance() const override { return shares_.imbalance(); }

 private:
  int64_t positions() const { return window_.out_height * window_.out_width; }
  int64_t tiles() const;
  int64_t strips() const { return static_cast<int64_t>(multiplier_.size()) / kStrip; }
  std::vector<int64_t> running_cost() const;  // [panels + 1] of a tile of positions
  DenseArguments arguments(int64_t panel) const;
  template <class T, int G>  // columns of a group
  void pack(const Block16Weights& weights);
  void sum_tile(const char* staged, int64_t first, int64_t last, DenseArguments a, void* sums) const;

  Window window_;
  Epilogue epilogue_;
  int64_t inputs_, outputs_;
  ChannelsLast staged_;
  int64_t groups_;  // of a run
  const DenseKernelRow* kernel_;
  AlignedBuffer values_;           // [S][runs][groups][64 bytes]
  std::vector<int32_t> bias_;      // [S * 16], bits of float32 or int32
  std::vector<float> multiplier_;  // [S * 16]
  Shares alone_, shares_;          // of one part, and of all
};

}  // namespace apus
