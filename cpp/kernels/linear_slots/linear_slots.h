// Linear layer with single weights, by slots (slots.h): y[n, m] = epilogue(bias[m] + sum of w[m, k] * x[n, k]).
//
// A vector is the 16 outputs of a strip. What costs is finding the element of x that each weight meets: a window of x
// is two registers, one permutation of which finds all 16 elements, or 64 bytes, of a slot. A few rows of x share the
// slot's weights. x is row-major [N, K], y [N, M]. int8 sums are exact, hence the bits of linear_block16.h; float sums
// run over the slots, in an order that depends on no other row and no thread. Weights that are not there meet an
// element of x as zeros, so that an infinite one spoils what a dense layer would. Reads x up to kSlack bytes past its
// end; writes y exactly. Running allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/shares.h"
#include "kernels/linear_slots/kernel.h"
#include "kernels/linear_slots/slots.h"
#include "kernels/operator.h"

namespace apus {

class LinearSlots final : public Operator {
 public:
  // True if this CPU has a kernel for these types, and lines of x can be numbered.
  static bool serves(const UnstructuredWeights& weights, const Epilogue& epilogue, Isa isa);

  // `rows` is N. What `weights` point to need not outlive it. Made for `threads` parts.
  LinearSlots(const UnstructuredWeights& weights, int64_t rows, const Epilogue& epilogue, Isa isa, int threads);

  int64_t scratch_bytes() const override { return 0; }
  void stage(const void*, void*, int, int) const override {}
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override { return rows_ * outputs_ * inputs_; }
  int64_t nonzero_macs() const override { return rows_ * count_; }
  double cost() const override { return slots_.cycles(rows_, kernel_->isa); }
  double imbalance() const override { return shares_.imbalance(); }

 private:
  int64_t units() const { return (rows_ + kSlotRows - 1) / kSlotRows; }
  SlotArguments arguments(const void* x, void* y, const Shares::Piece& piece) const;

  int64_t rows_, inputs_, outputs_, count_;
  Epilogue epilogue_;
  const SlotKernelRow* kernel_;
  WeightSlots slots_;
  std::vector<int32_t> bias_;      // [S * 16], bits of float32 or int32
  std::vector<float> multiplier_;  // [S * 16]
  Shares alone_, shares_;          // of one part, and of all
};

}  // namespace apus
