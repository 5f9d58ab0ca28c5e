// Linear layer with block16 weights: y[n, m] = epilogue(bias[m] + sum over the blocks of m's strip of w[m, k] * x[n,
// k]).
//
// x is row-major [N, K] float32 or uint8, y [N, M]. Few rows run a vector over the 16 outputs of a strip, one row of x
// at a time ("rows", or "runs" where the columns of every group are neighbours); more rows are first turned into [K, N]
// planes, rounded to bfloat16 where the kernel wants them so, and run the vector over N ("planes"), which reads each
// weight once per 16 rows. Threads that have rows of their own turn those into planes themselves, a few at a time.
// Exactness, slack and threads as in conv_block16.h.
#pragma once

#include <cstdint>
#include <vector>

#include "base/isa.h"
#include "kernels/block16/block16.h"
#include "kernels/block16/packed.h"
#include "kernels/block16/positions.h"
#include "kernels/operator.h"

namespace apus {

class LinearBlock16 final : public Operator {
 public:
  enum class Road : uint8_t { rows, planes };

  // `rows` is N. `weights` must outlive it; weights.groups is 1. Uses the best kernel of at most `isa`. Made for
  // `threads` parts.
  LinearBlock16(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa, int threads, Road road);

  int64_t scratch_bytes() const override;
  // Threads that have rows of their own, or are alone, stage those as they get there.
  bool owns_scratch() const override {
    return planes() && (shares_.parts() == 1 || Shares::by_vectors(units(), shares_.parts()));
  }
  void stage(const void* x, void* scratch, int part, int parts) const override;
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override { return rows_ * outputs_ * inputs_; }
  int64_t nonzero_macs() const override { return rows_ * packed_.blocks() * kStrip; }
  double cost() const override;
  double imbalance() const override { return shares_.imbalance(); }

 private:
  bool planes() const { return kernel_->walk == Walk::planes_to_rows; }
  void transpose(const void* x, void* scratch, int64_t vector, int64_t vectors, int64_t first, int64_t last) const;
  void compute_strips(StripArguments a, void* y, const Shares::Piece& piece) const;
  int64_t units() const;  // what a strip is cut into: vectors of rows, or nothing

  int64_t rows_, inputs_, outputs_;
  Epilogue epilogue_;
  const StripKernelRow* kernel_;
  int64_t staged_;  // vectors of rows that are planes at a time
  PackedBlock16 packed_;
  std::vector<PositionVector> vectors_;
  Shares alone_, shares_;  // of one part, and of all
};

}  // namespace apus
