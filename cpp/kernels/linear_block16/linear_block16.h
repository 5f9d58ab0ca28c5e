// Linear layer with block16 weights: y[n, m] = epilogue(bias[m] + sum over the blocks of m's strip of w[m, k] * x[n,
// k]).
//
// x is row-major [N, K] float32 or uint8, y [N, M]. Few rows run a vector over the 16 outputs of a strip, one row of x
// at a time ("rows", or "runs" where the columns of every group are neighbours); more rows are first turned into [K, N]
// planes and run the vector over N ("planes"), which reads each weight once per 16 rows. Exactness, slack and threads
// as in conv_block16.h.
#pragma once

#include <cstdint>
#include <vector>

#include "base/isa.h"
#include "kernels/block16/block16.h"
#include "kernels/block16/packed.h"
#include "kernels/block16/positions.h"

namespace apus {

class LinearBlock16 {
 public:
  // `rows` is N. `weights` must outlive it; weights.groups is 1. Uses the best kernel of at most `isa`.
  LinearBlock16(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa);

  int64_t scratch_bytes() const;  // 64-byte aligned; 0: pass null and skip stage()

  // stage() by every part, a barrier, then compute() by every part. 0 <= part < parts.
  void stage(const void* x, void* scratch, int part, int parts) const;
  void compute(const void* x, const void* scratch, void* y, int part, int parts) const;

  const char* kernel() const { return kernel_->name; }  // e.g. "linear_block16_rows_u8_u8_vnni"
  Isa isa() const { return kernel_->isa; }
  int64_t macs() const { return rows_ * outputs_ * inputs_; }
  int64_t nonzero_macs() const { return rows_ * packed_.blocks() * kStrip; }
  double cost() const;  // estimated cycles

 private:
  bool planes() const { return kernel_->walk == Walk::planes_to_rows; }
  int64_t units() const;  // what a strip is cut into: vectors of rows, or nothing

  int64_t rows_, inputs_, outputs_;
  Epilogue epilogue_;
  const StripKernelRow* kernel_;
  PackedBlock16 packed_;
  std::vector<PositionVector> vectors_;
};

}  // namespace apus
