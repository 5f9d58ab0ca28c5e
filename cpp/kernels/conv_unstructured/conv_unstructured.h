// Convolution with single float32 weights, NCHW: y[m, p] = epilogue(bias[m] + sum of w[m, (c, kh, kw)] * x[c, p's tap])
//
// As conv_block16.h in geometry, padding, slack and sharing, but a row of weights at a time: its weights that are not
// zero, each broadcast to a tile of positions whose sums stay in registers. So x comes from the caches once for each
// weight, where a block of 16 outputs would share it, and the work is that of the weights alone. Positions are summed
// in an order that depends on neither threads nor neighbours: results do not hang on how the work is shared.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/positions.h"
#include "kernels/block16/shares.h"
#include "kernels/operator.h"
#include "kernels/planes/planes.h"
#include "kernels/unstructured/packed.h"

namespace apus {

class ConvUnstructured final : public Operator {
 public:
  // Whether all is float32, and offsets into the image fit 32 bits.
  static bool serves(const UnstructuredWeights& weights, const Window& window, const Epilogue& epilogue);

  // `weights` must outlive it. Uses the best kernel of at most `isa`. Made for `threads` parts.
  ConvUnstructured(const UnstructuredWeights& weights, const Window& window, const Epilogue& epilogue, Isa isa,
                   int threads);

  int64_t scratch_bytes() const override { return planes_.bytes(); }  // 0: x is read in place
  bool owns_scratch() const override;
  void stage(const void* x, void* scratch, int part, int parts) const override {
    if (!owns_scratch()) planes_.stage(x, scratch, part, parts);
  }
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override { return outputs_ * inputs_ * positions(); }
  int64_t nonzero_macs() const override { return packed_.count() * positions(); }
  double cost() const override { return packed_.cycles(vectors()); }
  double imbalance() const override { return shares_.imbalance(); }

 private:
  int64_t positions() const { return planes_.window().out_height * planes_.window().out_width; }
  int64_t vectors() const { return static_cast<int64_t>(vectors_.size()); }

  const SingleKernelRow* kernel_;
  Epilogue epilogue_;
  int64_t outputs_, inputs_;
  Planes planes_;
  PackedUnstructured packed_;
  std::vector<PositionVector> vectors_;
  Shares alone_, shares_;  // of one part, and of all
};

}  // namespace apus
