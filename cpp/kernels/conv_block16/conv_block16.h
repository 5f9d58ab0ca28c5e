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
#include "kernels/planes/planes.h"

namespace apus {

class ConvBlock16 {
 public:
  // Does all the planning; `weights` must outlive it. Uses the best kernel of at most `isa`.
  ConvBlock16(const Block16Weights& weights, const Window& window, const Epilogue& epilogue, Isa isa);

  // Bytes of 64-byte aligned scratch for one image; 0: x is read in place, pass null and skip stage().
  int64_t scratch_bytes() const { return planes_.bytes(); }

  // One image: stage() by every part, a barrier, then compute() by every part. 0 <= part < parts.
  void stage(const void* x, void* scratch, int part, int parts) const { planes_.stage(x, scratch, part, parts); }
  void compute(const void* x, const void* scratch, void* y, int part, int parts) const;

  const char* kernel() const { return kernel_->name; }  // e.g. "conv_block16_u8_u8_vnni"
  Isa isa() const { return kernel_->isa; }
  int64_t macs() const;          // of one image, dense
  int64_t nonzero_macs() const;  // of the blocks present
  double cost() const;           // estimated cycles of one image, to decide on threads

 private:
  const StripKernelRow* kernel_;
  Epilogue epilogue_;
  int64_t outputs_, inputs_, channels_per_group_;
  Planes planes_;
  PackedBlock16 packed_;
  std::vector<PositionVector> vectors_;
};

}  // namespace apus
