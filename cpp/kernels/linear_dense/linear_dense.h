// Linear layer of which every block is there: the sum of linear_block16.h, without looking for columns.
//
// x is row-major [N, K] float32 or uint8, y [N, M]. A tile of rows and strips of sums stays in registers; x is read as
// it lies, and a panel of strips stays in the cache while rows pass. int8 sums are exact, hence the bits of
// linear_block16.h; a float sum runs over the columns in order, whatever the rows beside it and the threads. Reads x up
// to kSlack bytes past its end; writes y exactly. Running allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/packed.h"
#include "kernels/linear_dense/kernel.h"
#include "kernels/operator.h"

namespace apus {

class LinearDense final : public Operator {
 public:
  // True if this CPU has a kernel for these types, and no block is absent.
  static bool serves(const Block16Weights& weights, const Epilogue& epilogue, Isa isa);

  // `rows` is N. `weights` must outlive it. Made for `threads` parts.
  LinearDense(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa, int threads);

  int64_t scratch_bytes() const override { return 0; }
  void stage(const void*, void*, int, int) const override {}
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override { return rows_ * weights_.outputs * weights_.inputs; }
  int64_t nonzero_macs() const override { return rows_ * strips_ * kStrip * weights_.inputs; }
  double cost() const override;
  double imbalance() const override { return shares_.imbalance(); }

 private:
  int64_t tiles() const { return (rows_ + kTileRows - 1) / kTileRows; }
  int64_t panels() const { return (strips_ + kPanel - 1) / kPanel; }
  std::vector<int64_t> running_cost() const;  // [panels + 1] of a tile of rows
  // Panels of a piece over some of its rows, in order.
  void run_panels(const void* x, void* y, const Shares::Piece& piece) const;
  void run_panel(DenseArguments& a, int64_t panel) const;

  Block16Weights weights_;
  Epilogue epilogue_;
  const DenseKernelRow* kernel_;
  int64_t rows_, strips_, groups_;
  int64_t tiles_at_once_;          // of rows that stay in the cache while all panels pass
  std::vector<int32_t> bias_;      // [S * 16], bits of float32 or int32
  std::vector<float> multiplier_;  // [S * 16]
  Unpack unpack_;                  // null: weights_.values are as the kernel wants them
  Shares alone_, shares_;          // of one part, and of all
};

}  // namespace apus
