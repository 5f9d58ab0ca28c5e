#include "kernels/linear_windows/linear_windows.h"

#include <algorithm>

#include "kernels/linear_windows/table.h"

namespace apus {
namespace {

const WindowKernelRow* find(Element y, Isa isa) {
  for (const WindowKernelRow& row : linear_windows_kernels()) {
    if (row.isa <= isa && row.y == y) return &row;
  }
  return nullptr;
}

}  // namespace

bool LinearWindows::serves(const Block16Weights& weights, const Epilogue& epilogue, Isa isa) {
  if (epilogue.x != Element::u8 || weights.inputs > kWindowedInputs || !find(epilogue.y, isa)) return false;
  return weights.bits == 8 || longest_strip(weights) * kBatch <= kUnpackedGroups;
}

LinearWindows::LinearWindows(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa,
                             int threads)
    : weights_(weights),
      epilogue_(epilogue),
      kernel_(find(epilogue.y, isa)),
      rows_(rows),
      strips_((weights.outputs + kStrip - 1) / kStrip),
      windows_((weights.inputs + kWindow - 1) / kWindow),
      index_(static_cast<size_t>(weights.strips[strips_]) * 4 + kSlack),
      bias_(folded_bias(weights, epilogue)),
      multiplier_(static_cast<size_t>(strips_ * kStrip)),
      unpack_(unpack_kernel(weights, kernel_->isa)),
      alone_(divide(1)),
      shared_(threads > 1 ? divide(threads) : alone_) {
  std::copy_n(weights.multiplier, weights.outputs, multiplier_.begin());
  for (int64_t i = 0; i < int64_t{weights.strips[strips_]} * 4; ++i)
    index_[static_cast<size_t>(i)] = static_cast<uint8_t>(column_at(weights, i) % kWindow);
  const int most = alone_.counts.empty() ? 0 : *std::max_element(alone_.counts.begin(), alone_.counts.end());
  chunk_ = most <= 16 ? 16 : most <= 32 ? 32 : 64;
}

double LinearWindows::cost() const {
  const double groups = weights_.strips[strips_];
  const double group = unpack_ ? 2.3 : 1.3;
  return static_cast<double>(rows_) *
         (group * groups + static_cast<double>(strips_) * (20 + 2 * static_cast<double>(windows_)));
}

// By batches, which are also cache lines of y; by strips where those cannot be shared evenly.
Shares LinearWindows::share(int parts) const {
  constexpr double kEven = 0.03;
  Shares batches = share(parts, kBatch);
  if (batches.imbalance() <= kEven) return batches;
  Shares strips = share(parts, 1);
  return strips.imbalance() < batches.imbalance() ? strips : batches;
}

Shares LinearWindows::share(int parts, int64_t pack) const {
  std::vector<int64_t> running{0};
  for (int64_t strip = 0; strip < strips_; strip += pack) {
    const int64_t end = std::min(strip + pack, strips_), groups = weights_.strips[end] - weights_.strips[strip];
    running.push_back(running.back() + groups + (end - strip) * (8 + 2 * windows_));
  }
  Shares shares(running, 1, parts);
  shares.unpack(pack, strips_);
  return shares;
}

LinearWindows::Division LinearWindows::divide(int parts) const {
  Division division{share(parts), {}, {}};
  for (const Shares::Piece& piece : division.shares.pieces()) {
    const int64_t batches = (piece.end - piece.strip + kBatch - 1) / kBatch;
    division.at.push_back(static_cast<int64_t>(division.counts.size()));
    division.counts.resize(division.counts.size() + static_cast<size_t>(batches * kBatch * windows_));
    uint8_t* counts = division.counts.data() + division.at.back();
    for (int64_t i = 0; i < piece.end - piece.strip; ++i)
      count_blocks(piece.strip + i, counts + i / kBatch * kBatch * windows_ + i % kBatch);
  }
  return division;
}

// At most 128 in a window, and three of padding. One window's counts lie kBatch from the next one's.
void LinearWindows::count_blocks(int64_t strip, uint8_t* counts) const {
  for (int64_t i = int64_t{weights_.strips[strip]} * 4; i < int64_t{weights_.strips[strip + 1]} * 4; ++i)
    ++counts[column_at(weights_, i) / kWindow * kBatch];
}

WindowArguments LinearWindows::arguments(int64_t first, int64_t last, const uint8_t* counts) const {
  WindowArguments a{};
  a.inputs = weights_.inputs;
  a.index = index_.data();
  a.counts = counts;
  a.strips = weights_.strips + first;
  a.strip_count = last - first;
  a.total_groups = weights_.strips[strips_];
  a.chunk = chunk_;
  a.values = static_cast<const int8_t*>(weights_.values);
  a.bias = bias_.data() + first * kStrip;
  a.multiplier = multiplier_.data() + first * kStrip;
  a.last_rows = static_cast<int>(std::min<int64_t>(kStrip, weights_.outputs - (last - 1) * kStrip));
  a.low = epilogue_.low;
  a.high = epilogue_.high;
  a.y_zero_point = epilogue_.y_zero_point;
  return a;
}

void LinearWindows::run_unpacked(const WindowArguments& all, int64_t first) const {
  constexpr int64_t kGroup = 64;
  alignas(64) int8_t values[(kUnpackedGroups + 3) * kGroup];
  for (int64_t done = 0; done < all.strip_count; done += kBatch) {
    const int64_t count = std::min<int64_t>(kBatch, all.strip_count - done);
    WindowArguments a = arguments(first + done, first + done + count, all.counts + done * windows_);
    uint32_t strips[kBatch + 1];
    for (int64_t i = 0; i <= count; ++i) strips[i] = a.strips[i] - a.strips[0];
    const int64_t group = a.strips[0];
    unpack_(static_cast<const uint8_t*>(weights_.values) + group * kGroup * weights_.bits / 8, strips[count], values);
    a.index += group * 4;
    a.strips = strips;
    a.total_groups = strips[count] + 3;  // readable, whatever they hold: they meet zeros
    a.values = values;
    a.x = all.x;
    a.y = static_cast<char*>(all.y) + done * kStrip * element_size(epilogue_.y);
    kernel_->run(a);
  }
}

void LinearWindows::compute(const void* x, void*, void* y, int part, int parts) const {
  const Division& division = parts == 1 ? alone_ : shared_;
  for (const Shares::Piece& piece : division.shares.of(part)) {
    const int64_t first = piece.strip, at = division.at[static_cast<size_t>(division.shares.number(piece))];
    WindowArguments a = arguments(first, piece.end, division.counts.data() + at);
    for (int64_t row = 0; row < rows_; ++row) {
      a.x = static_cast<const uint8_t*>(x) + row * weights_.inputs;
      a.y = static_cast<char*>(y) + (row * weights_.outputs + first * kStrip) * element_size(epilogue_.y);
      unpack_ ? run_unpacked(a, first) : kernel_->run(a);
    }
  }
}

}  // namespace apus
