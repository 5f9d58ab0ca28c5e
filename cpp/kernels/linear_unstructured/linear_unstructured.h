// Linear layer of many rows with single float32 weights: y[n, m] = epilogue(bias[m] + sum of w[m, k] * x[n, k]).
//
// x is row-major [N, K], y [N, M]. Rows of x become planes, a tile of positions after the other, so that a tile's lines
// lie side by side in the caches; conv_unstructured's kernels go over them and store rows. Exactness, slack and threads
// as there: reads up to 16 elements past the end of x, writes y exactly, allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/positions.h"
#include "kernels/block16/shares.h"
#include "kernels/operator.h"
#include "kernels/unstructured/packed.h"

namespace apus {

class LinearUnstructured final : public Operator {
 public:
  // Whether all is float32, and offsets into a tile fit 32 bits.
  static bool serves(const UnstructuredWeights& weights, const Epilogue& epilogue);

  // `rows` is N. `weights` must outlive it. Uses the best kernel of at most `isa`. Made for `threads` parts.
  LinearUnstructured(const UnstructuredWeights& weights, int64_t rows, const Epilogue& epilogue, Isa isa, int threads);

  int64_t scratch_bytes() const override;
  bool owns_scratch() const override { return Shares::by_vectors(vectors(), shares_.parts()); }
  void stage(const void* x, void* scratch, int part, int parts) const override;
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override { return rows_ * outputs_ * inputs_; }
  int64_t nonzero_macs() const override { return rows_ * packed_.count(); }
  double cost() const override;
  double imbalance() const override { return shares_.imbalance(); }

 private:
  int64_t vectors() const { return static_cast<int64_t>(vectors_.size()); }
  int64_t pitch() const;                // elements from one column of a tile to the next
  int64_t place(int64_t vector) const;  // of its position 0 of column 0, in the scratch
  void transpose(const float* x, float* planes, int64_t from, int64_t to, int64_t first, int64_t last) const;

  int64_t rows_, inputs_, outputs_;
  Epilogue epilogue_;
  const SingleKernelRow* kernel_;
  std::vector<PositionVector> vectors_;
  PackedUnstructured packed_;
  Shares alone_, shares_;  // of one part, and of all
};

}  // namespace apus
