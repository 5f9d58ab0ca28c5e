// Convolution with block16 weights, NCHW, dense or sparse, grouped or not.
//
//   y[m, oy, ox] = epilogue(bias[m] + sum over the blocks of m's strip of w[m, (c, kh, kw)] * x[c, iy, ix])
//   iy = oy * stride + kh * dilation - pad (likewise ix); outside the image x is 0 (its zero point, if quantised)
//
// x is one image [C, H, W] float32 or uint8; y [M, Ho, Wo] float32 or uint8. Work is cut into strips x vectors of 16
// flat positions (kernels/planes), so any number of threads may share an image; results do not depend on how.
// int8 sums are exact, hence identical on every ISA. Float sums run over the blocks in their stored order.
// Reads up to kSlack bytes past x; writes y exactly. Running allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/block16.h"
#include "kernels/block16/packed.h"
#include "kernels/block16/positions.h"
#include "kernels/operator.h"
#include "kernels/planes/planes.h"

namespace apus {

class ConvBlock16 final : public Operator {
 public:
  // Does all the planning; `weights` must outlive it. Uses the best kernel of at most `isa`. Made for `threads` parts.
  ConvBlock16(const Block16Weights& weights, const Window& window, const Epilogue& epilogue, Isa isa, int threads);

  int64_t scratch_bytes() const override { return planes_.bytes(); }  // 0: x is read in place
  // Threads that have positions of their own stage what those read, each for itself.
  bool owns_scratch() const override;
  void stage(const void* x, void* scratch, int part, int parts) const override {
    if (!owns_scratch()) planes_.stage(x, scratch, part, parts);
  }
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override;
  int64_t nonzero_macs() const override;
  double cost() const override;
  double imbalance() const override { return shares_.imbalance(); }

 private:
  const StripKernelRow* kernel_;
  Epilogue epilogue_;
  int64_t outputs_, inputs_, channels_per_group_;
  Planes planes_;
  PackedBlock16 packed_;
  std::vector<PositionVector> vectors_;
  Shares alone_, shares_;  // of one part, and of all
};

}  // namespace apus
