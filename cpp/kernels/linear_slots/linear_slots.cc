#include "kernels/linear_slots/linear_slots.h"

#include <algorithm>
#include <cstring>

#include "kernels/linear_slots/table.h"

namespace apus {
namespace {

const SlotKernelRow* find(const Epilogue& epilogue, Isa isa) {
  for (const SlotKernelRow& row : linear_slots_kernels()) {
    if (row.isa <= isa && row.x == epilogue.x && row.y == epilogue.y) return &row;
  }
  return nullptr;
}

// sum w * (x - zero) + bias = sum w * x + (bias - zero * sum w), in wrapping int32.
std::vector<int32_t> folded(const UnstructuredWeights& weights, const Epilogue& epilogue, int64_t padded) {
  std::vector<int32_t> bias(static_cast<size_t>(padded));
  if (weights.bias) std::memcpy(bias.data(), weights.bias, static_cast<size_t>(weights.outputs) * 4);
  if (epilogue.x_zero_point == 0) return bias;
  for (int64_t row = 0; row < weights.outputs; ++row) {
    int64_t sum = bias[static_cast<size_t>(row)];
    for (int64_t i = weights.rows[row]; i < weights.rows[row + 1]; ++i)
      sum -= int64_t{epilogue.x_zero_point} * static_cast<const int8_t*>(weights.values)[i];
    bias[static_cast<size_t>(row)] = static_cast<int32_t>(sum);
  }
  return bias;
}

constexpr int64_t kStripCost = 16;  // in slots' costs: what ends a strip

}  // namespace

bool LinearSlots::serves(const UnstructuredWeights& weights, const Epilogue& epilogue, Isa isa) {
  const int64_t lines = weights.inputs / (kSlotLine / element_size(epilogue.x)) + 1;
  return weights.groups == 1 && lines < (int64_t{1} << 16) && find(epilogue, isa) != nullptr;
}

LinearSlots::LinearSlots(const UnstructuredWeights& weights, int64_t rows, const Epilogue& epilogue, Isa isa,
                         int threads)
    : rows_(rows),
      inputs_(weights.inputs),
      outputs_(weights.outputs),
      count_(weights.count()),
      epilogue_(epilogue),
      kernel_(find(epilogue, isa)),
      slots_(slots_of(weights, epilogue.x)),
      bias_(folded(weights, epilogue, (weights.outputs + kStrip - 1) / kStrip * kStrip)),
      multiplier_(bias_.size()),
      alone_(running_cost(), units(), 1),
      shares_(running_cost(), units(), threads) {
  if (weights.multiplier) std::copy_n(weights.multiplier, weights.outputs, multiplier_.begin());
}

std::vector<int64_t> LinearSlots::running_cost() const {
  std::vector<int64_t> running{0};
  for (size_t strip = 0; strip + 1 < slots_.strips.size(); ++strip)
    running.push_back(running.back() + slots_.strips[strip + 1] - slots_.strips[strip] + kStripCost);
  return running;
}

SlotArguments LinearSlots::arguments(const void* x, void* y, const Shares::Piece& piece) const {
  const int64_t size = element_size(epilogue_.x), row = piece.first * kSlotRows, first = piece.strip * kStrip;
  SlotArguments a{};
  a.x = static_cast<const char*>(x) + row * inputs_ * size;
  a.x_row = inputs_ * size;
  a.second = a.x_row > kSlotLine ? kSlotLine : 0;
  a.lines = slots_.lines.data();
  a.index = slots_.index.data();
  a.values = slots_.values();
  a.strips = slots_.strips.data() + piece.strip;
  a.strip_count = piece.end - piece.strip;
  a.bias = bias_.data() + first;
  a.multiplier = multiplier_.data() + first;
  a.y = static_cast<char*>(y) + (row * outputs_ + first) * element_size(epilogue_.y);
  a.y_row = outputs_;
  a.last_outputs = static_cast<int>(std::min<int64_t>(kStrip, outputs_ - (piece.end - 1) * kStrip));
  a.low = epilogue_.low, a.high = epilogue_.high;
  a.y_zero_point = epilogue_.y_zero_point;
  return a;
}

void LinearSlots::compute(const void* x, void*, void* y, int part, int parts) const {
  for (const Shares::Piece& piece : (parts == 1 ? alone_ : shares_).of(part)) {
    SlotArguments a = arguments(x, y, piece);
    for (int64_t unit = piece.first; unit < piece.last; ++unit) {
      a.rows = std::min(kSlotRows, rows_ - unit * kSlotRows);
      kernel_->run(a);
      a.x = static_cast<const char*>(a.x) + kSlotRows * a.x_row;
      a.y = static_cast<char*>(a.y) + kSlotRows * a.y_row * element_size(epilogue_.y);
    }
  }
}

// Cycles, measured: a slot costs what is read of it, and what each row of x adds; a row of each strip, its end.
double LinearSlots::cost() const {
  constexpr double kSlot = 2, kRow[kIsaCount] = {60, 26, 1.2, 1.5, 1.5};
  const double slots = static_cast<double>(slots_.count()), strips = static_cast<double>(slots_.strips.size() - 1);
  const double row = kRow[static_cast<int>(kernel_->isa)];
  return static_cast<double>(units()) * slots * kSlot +
         static_cast<double>(rows_) * (slots * row + strips * kStripCost);
}

}  // namespace apus
