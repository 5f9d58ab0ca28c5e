#include "kernels/linear_slots/linear_slots.h"

#include <algorithm>

#include "kernels/linear_slots/table.h"

namespace apus {
bool LinearSlots::serves(const UnstructuredWeights& weights, const Epilogue& epilogue, Isa isa) {
  const int64_t lines = weights.inputs / (kSlotLine / element_size(epilogue.x)) + 1;
  return weights.groups == 1 && lines < (int64_t{1} << 16) && find_slot_kernel(epilogue, isa) != nullptr;
}

LinearSlots::LinearSlots(const UnstructuredWeights& weights, int64_t rows, const Epilogue& epilogue, Isa isa,
                         int threads)
    : rows_(rows),
      inputs_(weights.inputs),
      outputs_(weights.outputs),
      count_(weights.count()),
      epilogue_(epilogue),
      kernel_(find_slot_kernel(epilogue, isa)),
      slots_(slots_of(weights, epilogue.x)),
      bias_(folded_bias(weights, epilogue)),
      multiplier_(bias_.size()),
      alone_(slots_.running_cost(), units(), 1),
      shares_(slots_.running_cost(), units(), threads) {
  if (weights.multiplier) std::copy_n(weights.multiplier, weights.outputs, multiplier_.begin());
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

}  // namespace apus
