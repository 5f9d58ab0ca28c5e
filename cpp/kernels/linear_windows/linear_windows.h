// Linear layer of few rows with int8 block16 weights: the sum of linear_block16.h, bit for bit, by another road to x.
//
// A vector is the 16 outputs of a strip, and four bytes of x meet 64 weights at once; what costs is finding those
// bytes. Columns ascend within a strip, so they are cut into windows of 128: a window of x is two registers, one byte
// permutation of which yields all of the window's bytes, in order. Gathered so, a strip's bytes lie side by side, and
// the sum runs as if the matrix were dense. One index byte per block, against four of an offset.
// Reads x up to kSlack bytes past its end; writes y exactly. Running allocates nothing.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/block16/packed.h"
#include "kernels/linear_windows/kernel.h"
#include "kernels/operator.h"

namespace apus {

class LinearWindows final : public Operator {
 public:
  // True if this CPU and these weights have such a kernel.
  static bool serves(const Block16Weights& weights, const Epilogue& epilogue, Isa isa);

  // `rows` is N. `weights` must outlive it; weights.groups is 1. Made for `threads` parts.
  LinearWindows(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa, int threads);

  int64_t scratch_bytes() const override { return 0; }
  void stage(const void*, void*, int, int) const override {}
  void compute(const void* x, void* scratch, void* y, int part, int parts) const override;

  const char* kernel() const override { return kernel_->name; }
  Isa isa() const override { return kernel_->isa; }
  int64_t macs() const override { return rows_ * weights_.outputs * weights_.inputs; }
  int64_t nonzero_macs() const override { return rows_ * weights_.strips[strips_] * 4 * kStrip; }
  double cost() const override;
  double imbalance() const override { return shared_.shares.imbalance(); }

 private:
  // Who does which strips, and their blocks by window as WindowArguments has them, piece by piece.
  struct Division {
    Shares shares;
    std::vector<uint8_t> counts;
    std::vector<int64_t> at;  // of a piece, into counts
  };
  Shares share(int parts) const;
  Shares share(int parts, int64_t pack) const;
  Division divide(int parts) const;
  void count_blocks(int64_t strip, uint8_t* counts) const;
  WindowArguments arguments(int64_t first, int64_t last, const uint8_t* counts) const;
  // Weights of few bits become int8 on the stack, a batch of strips at a time.
  void run_unpacked(const WindowArguments& all, int64_t first) const;

  Block16Weights weights_;
  Epilogue epilogue_;
  const WindowKernelRow* kernel_;
  int64_t rows_, strips_, windows_;
  int chunk_ = 64;
  std::vector<uint8_t> index_;     // as WindowArguments has it
  std::vector<int32_t> bias_;      // [S * 16]
  std::vector<float> multiplier_;  // [S * 16]
  Unpack unpack_;                  // null: weights_.values are int8
  Division alone_, shared_;        // of one part, and of all
};

}  // namespace apus
