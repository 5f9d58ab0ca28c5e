// Block16 weights made ready for one shape and one kernel: what is derived once so that a run only adds.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/block16/block16.h"
#include "kernels/block16/shares.h"
#include "kernels/block16/strip.h"
#include "kernels/unpack/unpack.h"

namespace apus {

// Groups of a strip that are unpacked on the stack at most; a matrix with a longer one is unpacked once, in memory.
inline constexpr int64_t kUnpackedGroups = 2048;

class PackedBlock16 {
 public:
  PackedBlock16() = default;
  PackedBlock16(PackedBlock16&&) = default;  // no copies: values_ may point into a vector
  PackedBlock16& operator=(PackedBlock16&&) = default;

  // `column_offsets` [K]: elements of x from position 0 to that column's. `kernel` decides on wide values.
  PackedBlock16(const Block16Weights& weights, const Epilogue& epilogue, const std::vector<int32_t>& column_offsets,
                const StripKernelRow& kernel);

  int64_t strips() const { return strips_; }
  int64_t blocks() const { return block_count_; }
  int64_t group_of(int64_t strip) const { return strip / strips_per_group_; }  // of the convolution
  int64_t first_output(int64_t strip) const;                                   // row of y
  // Fills what belongs to the strip: offsets, values, groups, bias, multiplier, rows, low, high, y_zero_point.
  void fill(int64_t strip, StripArguments& arguments) const;
  // Runs the kernel on arguments so filled; weights of few bits become int8 on the stack first.
  void run(const StripKernelRow& kernel, const StripArguments& arguments) const;

  const std::vector<int64_t>& running_cost() const { return cost_; }  // [S + 1] cycles per vector, of all before
  double cycles(int64_t vectors) const { return static_cast<double>(cost_.back()) * static_cast<double>(vectors); }
  double unpack_cycles() const;  // of one pass over all strips

 private:
  void widen(const Block16Weights& weights);
  void unpack_all(const Block16Weights& weights);
  void count_cost(const StripKernelRow& kernel);

  int64_t outputs_per_group_ = 0, strips_per_group_ = 1, strips_ = 0, columns_per_group_ = 1, block_count_ = 0;
  const uint32_t* strip_starts_ = nullptr;
  const char* values_ = nullptr;
  int64_t group_bytes_ = 0;
  Unpack unpack_ = nullptr;        // values_ are packed
  std::vector<int32_t> offsets_;   // [B * G]
  std::vector<int32_t> bias_;      // [S * 16], bits of float32 or int32
  std::vector<float> multiplier_;  // [S * 16]
  std::vector<int16_t> wide_;      // [B, G / 2, 16, 2]
  std::vector<int8_t> unpacked_;   // [B, 16, 4]
  std::vector<int64_t> cost_;      // [S + 1], running cycles per vector
  Epilogue epilogue_;
};

// The first row of at most `isa` for this walk and these types. Runs may also be walked as any rows.
const StripKernelRow& find_strip_kernel(std::span<const StripKernelRow> rows, Isa isa, Walk walk,
                                        const Epilogue& epilogue, bool bf16 = false);

// The column of block `index` (of B * G).
inline int64_t column_at(const Block16Weights& weights, int64_t index) {
  const int64_t at = weights.runs ? index / 4 : index, more = weights.runs ? index % 4 : 0;
  return more + (weights.wide_columns ? static_cast<const uint32_t*>(weights.columns)[at]
                                      : static_cast<const uint16_t*>(weights.columns)[at]);
}

// The weights [16, 4] of groups of int8 or fewer bits.
void unpack_groups(const Block16Weights& weights, int64_t first, int64_t count, int8_t* values);

// Groups of the longest strip.
int64_t longest_strip(const Block16Weights& weights);

// Null for 8 bits.
Unpack unpack_kernel(const Block16Weights& weights, Isa isa);

// [S * 16] bits of float32 or int32. sum w * (x - zero) + bias = sum w * x + (bias - zero * sum w): wraps like the
// kernels' int32, and like them ends right.
std::vector<int32_t> folded_bias(const Block16Weights& weights, const Epilogue& epilogue);

// True if float(sum) * multiplier fits int32 for every input: what rounds such sums to bytes need not clamp them first.
bool rounds_safely(const Block16Weights& weights, const Epilogue& epilogue);

// True if every group of these int8 weights may read four neighbouring columns (c, c + 1, c + 2, c + 3): zero padding
// excepted, that is what they are.
bool columns_are_runs(const Block16Weights& weights);

}  // namespace apus
