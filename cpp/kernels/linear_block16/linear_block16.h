// Linear layer with block16 weights: y[n, m] = epilogue(bias[m] + sum over the blocks of m's strip of w[m, k] * x[n, k]).
//
// x is row-major [N, K] float32 or uint8, y [N, M]. Few rows run a vector over the 16 outputs of a strip, one row of x
// at a time ("rows"); more rows are first turned into [K, N] planes and run the vector over N ("planes"), which reads
// each weight once per 16 rows. Exactness, slack and threads as in conv_block16.h.
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
  // `rows` is N. `weights` must outlive it; weights.groups is 1.
  LinearBlock16(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa);

  int64_t scratch_bytes() const;  // 64-byte aligned; 0: pass null and skip stage()

  // stage() by every part, a barrier, then compute() by every part. 0 <= part < parts.
  void stage(const void* x, void* scratch, int part, int parts) const;
  void compute(const void* x, const void* scratch, void* y, int part, int parts) const;

  const char* kernel() const { return kernel_name_; }  // e.g. "linear_block16_rows_u8_u8"
  Isa isa() const { return isa_; }
  int64_t macs() const;
  int64_t nonzero_macs() const;
  double cost() const;  // estimated cycles

 private:
  int64_t rows_ = 0;
  bool planes_ = false;  // else rows
  PackedBlock16 packed_;
  Positions positions_;
  Epilogue epilogue_;
  Isa isa_ = Isa::scalar;
  StripKernel run_ = nullptr;
  const char* kernel_name_ = nullptr;
};

}  // namespace apus
