#include "kernels/block16/packed.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>

#include "kernels/block16/sums.h"

namespace apus {
namespace {

constexpr int64_t kGroup = 64;  // weights, of int8 or fewer bits

bool block_is_zero(const Block16Weights& weights, int64_t index) {
  int8_t values[kGroup];
  unpack_groups(weights, index / 4, 1, values);
  for (int row = 0; row < kStrip; ++row) {
    if (values[row * 4 + index % 4]) return false;
  }
  return true;
}

int64_t all_strips(const Block16Weights& weights) {
  return (weights.outputs / weights.groups + kStrip - 1) / kStrip * weights.groups;
}

}  // namespace

PackedBlock16::PackedBlock16(const Block16Weights& weights, const Epilogue& epilogue,
                             const std::vector<int32_t>& column_offsets, const StripKernelRow& kernel)
    : outputs_per_group_(weights.outputs / weights.groups),
      strips_per_group_((outputs_per_group_ + kStrip - 1) / kStrip),
      strips_(strips_per_group_ * weights.groups),
      columns_per_group_(epilogue.x == Element::u8 ? 4
                         : weights.bf16            ? 2
                                                   : 1),
      strip_starts_(weights.strips),
      values_(static_cast<const char*>(weights.values)),
      group_bytes_(kGroup * (epilogue.x == Element::u8 ? weights.bits : 8) / 8),
      unpack_(epilogue.x == Element::u8 ? unpack_kernel(weights, kernel.isa) : nullptr),
      epilogue_(epilogue) {
  block_count_ = int64_t{weights.strips[strips_]} * columns_per_group_;
  offsets_.resize(block_count_);
  for (int64_t i = 0; i < block_count_; ++i) offsets_[i] = column_offsets[column_at(weights, i)];
  Epilogue input = epilogue;
  if (kernel.values == Values::s8_centred) input.x_zero_point -= 128;
  bias_ = folded_bias(weights, input);
  multiplier_.assign(strips_ * kStrip, 0.0f);
  for (int64_t strip = 0; weights.multiplier && strip < strips_; ++strip) {
    StripArguments part;
    fill(strip, part);
    std::copy_n(weights.multiplier + first_output(strip), part.rows, multiplier_.data() + strip * kStrip);
  }
  if (kernel.values == Values::s16)
    widen(weights);
  else if (unpack_ && longest_strip(weights) > kUnpackedGroups)
    unpack_all(weights);
  count_cost(kernel);
}

int64_t PackedBlock16::first_output(int64_t strip) const {
  return group_of(strip) * outputs_per_group_ + strip % strips_per_group_ * kStrip;
}

void PackedBlock16::fill(int64_t strip, StripArguments& arguments) const {
  const int64_t first = strip_starts_[strip];
  arguments.offsets = offsets_.data() + first * columns_per_group_;
  arguments.values = values_ + first * group_bytes_;
  arguments.groups = strip_starts_[strip + 1] - first;
  arguments.bias = bias_.data() + strip * kStrip;
  arguments.multiplier = multiplier_.data() + strip * kStrip;
  arguments.rows = static_cast<int>(std::min<int64_t>(kStrip, outputs_per_group_ - strip % strips_per_group_ * kStrip));
  arguments.low = epilogue_.low;
  arguments.high = epilogue_.high;
  arguments.y_zero_point = epilogue_.y_zero_point;
}

void PackedBlock16::run(const StripKernelRow& kernel, const StripArguments& arguments) const {
  if (unpack_ == nullptr) return kernel.run(arguments);
  alignas(64) int8_t values[(kUnpackedGroups + 1) * kGroup];
  unpack_(static_cast<const uint8_t*>(arguments.values), arguments.groups, values);
  StripArguments unpacked = arguments;
  unpacked.values = values;
  kernel.run(unpacked);
}

double PackedBlock16::unpack_cycles() const {
  return unpack_ ? 1.0 * static_cast<double>(block_count_ / columns_per_group_) : 0;
}

void PackedBlock16::unpack_all(const Block16Weights& weights) {
  const int64_t groups = block_count_ / 4;
  unpacked_.resize(groups * kGroup);
  unpack_groups(weights, 0, groups, unpacked_.data());
  values_ = reinterpret_cast<const char*>(unpacked_.data());
  group_bytes_ = kGroup;
  unpack_ = nullptr;
}

void PackedBlock16::widen(const Block16Weights& weights) {
  wide_.resize(block_count_ * kStrip);
  for (int64_t g = 0; g < block_count_ / 4; ++g) {
    int8_t values[kGroup];
    unpack_groups(weights, g, 1, values);
    for (int row = 0; row < kStrip; ++row) {
      for (int i = 0; i < 4; ++i) wide_[((g * 2 + i / 2) * kStrip + row) * 2 + i % 2] = values[row * 4 + i];
    }
  }
  values_ = reinterpret_cast<const char*>(wide_.data());
  group_bytes_ = 2 * kGroup;
  unpack_ = nullptr;
}

// Cycles a vector of 16 positions, measured: multiply-adds by group, then epilogue and store.
void PackedBlock16::count_cost(const StripKernelRow& kernel) {
  constexpr int64_t kFloat[kIsaCount] = {240, 36, 36, 20, 9, 9, 9, 9},
                    kBytes[kIsaCount] = {940, 160, 48, 80, 26, 9, 9, 7};
  constexpr int64_t kPairs[kIsaCount] = {480, 80, 80, 40, 18, 18, 10, 6};
  constexpr int64_t kStore[kIsaCount] = {300, 200, 200, 200, 45, 40, 45, 80};
  const int isa = static_cast<int>(kernel.isa);
  const int64_t per_group = kernel.x == Element::u8         ? kBytes[isa]
                            : kernel.values == Values::bf16 ? kPairs[isa]
                                                            : kFloat[isa];
  cost_.assign(1, 0);
  for (int64_t strip = 0; strip < strips_; ++strip) {
    const int64_t groups = strip_starts_[strip + 1] - strip_starts_[strip];
    cost_.push_back(cost_.back() + groups * per_group + kStore[isa]);
  }
}

const StripKernelRow& find_strip_kernel(std::span<const StripKernelRow> rows, Isa isa, Walk walk,
                                        const Epilogue& epilogue, bool bf16) {
  for (const StripKernelRow& row : rows) {
    const bool walks = row.walk == walk || (walk == Walk::rows_of_runs && row.walk == Walk::rows);
    const bool x = row.x == epilogue.x || row.x == Element::bf16;
    if (row.isa <= isa && walks && x && row.y == epilogue.y && (row.values == Values::bf16) == bf16) return row;
  }
  throw std::logic_error("no block16 kernel for these types");
}

std::vector<int32_t> folded_bias(const Block16Weights& weights, const Epilogue& epilogue) {
  const int64_t rows = weights.outputs / weights.groups, strips = (rows + kStrip - 1) / kStrip;
  std::vector<int32_t> folded(static_cast<size_t>(strips * weights.groups * kStrip));
  for (int64_t strip = 0; strip < strips * weights.groups; ++strip) {
    const int64_t first = strip / strips * rows + strip % strips * kStrip;
    const int64_t here = std::min<int64_t>(kStrip, rows - strip % strips * kStrip);
    int32_t* bias = folded.data() + strip * kStrip;
    if (weights.bias) std::memcpy(bias, static_cast<const int32_t*>(weights.bias) + first, here * 4);
    if (epilogue.x != Element::u8 || epilogue.x_zero_point == 0) continue;
    int64_t sums[kStrip] = {};
    add_rows(weights.values, weights.bits, weights.strips[strip], weights.strips[strip + 1], sums);
    for (int row = 0; row < here; ++row)
      bias[row] = static_cast<int32_t>(bias[row] - sums[row] * epilogue.x_zero_point);
  }
  return folded;
}

bool rounds_safely(const Block16Weights& weights, const Epilogue& epilogue) {
  if (epilogue.x != Element::u8 || epilogue.y != Element::u8) return true;
  const float* m = weights.multiplier;
  if (std::all_of(m, m + weights.outputs, [](float v) { return v < 0.5f; })) return true;  // sums are below 2^31
  const int64_t rows = weights.outputs / weights.groups, strips = (rows + kStrip - 1) / kStrip;
  for (int64_t strip = 0; strip < all_strips(weights); ++strip) {
    int64_t sums[kStrip] = {};
    add_magnitudes(weights.values, weights.bits, weights.strips[strip], weights.strips[strip + 1], sums);
    const int64_t first = strip / strips * rows + strip % strips * kStrip;
    for (int64_t row = 0; row < std::min<int64_t>(kStrip, rows - strip % strips * kStrip); ++row) {
      const double bias =
          weights.bias ? std::abs(static_cast<double>(static_cast<const int32_t*>(weights.bias)[first + row])) : 0;
      if ((255.0 * static_cast<double>(sums[row]) + bias) * m[first + row] >= 0x1p30) return false;
    }
  }
  return true;
}

void unpack_groups(const Block16Weights& weights, int64_t first, int64_t count, int8_t* values) {
  const int64_t bytes = kGroup * weights.bits / 8;
  const uint8_t* from = static_cast<const uint8_t*>(weights.values) + first * bytes;
  if (weights.bits == 8) return void(std::memcpy(values, from, count * bytes));
  unpack_kernel(weights, Isa::scalar)(from, count, values);
}

int64_t longest_strip(const Block16Weights& weights) {
  int64_t most = 0;
  for (int64_t strip = 0; strip < all_strips(weights); ++strip)
    most = std::max(most, int64_t{weights.strips[strip + 1]} - weights.strips[strip]);
  return most;
}

Unpack unpack_kernel(const Block16Weights& weights, Isa isa) {
  const UnpackTable& table = unpack_table(isa);
  return weights.bits == 8 ? nullptr : weights.bits == 4 ? table.four : table.two;
}

bool columns_are_runs(const Block16Weights& weights) {
  if (weights.runs) return true;
  for (int64_t i = 0; i < int64_t{weights.strips[all_strips(weights)]} * 4; ++i) {
    if (column_at(weights, i) != column_at(weights, i / 4 * 4) + i % 4 && !block_is_zero(weights, i)) return false;
  }
  return true;
}

}  // namespace apus
