#include "kernels/linear_slots/slots.h"

#include <algorithm>
#include <cstring>

#include "kernels/linear_slots/kernel.h"

namespace apus {
namespace {

// The strips of one type of weight: G weights of each row a slot.
template <class Weight, int64_t G>
class Maker {
 public:
  static constexpr int64_t kElements = kSlotLine / (G == 1 ? 4 : 1);  // of x, in a line

  Maker(const UnstructuredWeights& weights, WeightSlots& slots, std::vector<Weight>& values)
      : weights_(weights),
        slots_(slots),
        values_(values),
        last_line_(std::max<int64_t>(0, (weights.inputs + kElements - 1) / kElements - 2)) {}

  void add_strip(int64_t first, int64_t last) {
    count_ = last - first;
    std::copy_n(weights_.rows + first, count_ + 1, at_);
    std::copy_n(weights_.rows + first + 1, count_, end_);
    for (int64_t line = next_line(); line >= 0; line = next_line()) add_slot(line);
    slots_.strips.push_back(static_cast<uint32_t>(slots_.lines.size()));
  }

 private:
  // Of the row that is furthest behind; -1 when all are done.
  int64_t next_line() const {
    int64_t column = INT64_MAX;
    for (int64_t row = 0; row < count_; ++row)
      if (at_[row] < end_[row]) column = std::min<int64_t>(column, weights_.column(at_[row]));
    return column == INT64_MAX ? -1 : std::min(column / kElements, last_line_);
  }

  void add_slot(int64_t line) {
    slots_.lines.push_back(static_cast<uint16_t>(line));
    const size_t slot = slots_.index.size();
    slots_.index.resize(slot + kStrip * G);
    values_.resize(slot + kStrip * G);
    const int64_t from = line * kElements;
    for (int64_t row = 0; row < count_; ++row) {
      for (int64_t g = 0; g < G && at_[row] < end_[row]; ++g, ++at_[row]) {
        const int64_t place = weights_.column(at_[row]) - from;
        if (place >= 2 * kElements) break;
        slots_.index[slot + static_cast<size_t>(row * G + g)] = static_cast<uint8_t>(place);
        values_[slot + static_cast<size_t>(row * G + g)] = static_cast<const Weight*>(weights_.values)[at_[row]];
      }
    }
  }

  const UnstructuredWeights& weights_;
  WeightSlots& slots_;
  std::vector<Weight>& values_;
  int64_t last_line_, count_ = 0;
  uint32_t at_[kStrip + 1] = {}, end_[kStrip] = {};  // what is left of each row of the strip
};

constexpr int64_t kStripCost = 16;  // what ends a strip

}  // namespace

std::vector<int64_t> WeightSlots::running_cost() const {
  std::vector<int64_t> running{0};
  for (size_t strip = 0; strip + 1 < strips.size(); ++strip)
    running.push_back(running.back() + strips[strip + 1] - strips[strip] + kStripCost);
  return running;
}

// Measured: a slot costs what is read of it for a few rows, and what each row of x adds; each row of a strip, its end.
double WeightSlots::cycles(int64_t rows, Isa isa) const {
  constexpr double kSlot = 2, kRow[kIsaCount] = {60, 14, 14, 26, 1.2, 1.5, 1.5, 1.5};
  const double units = static_cast<double>((rows + kSlotRows - 1) / kSlotRows);
  const double ends = static_cast<double>(strips.size() - 1) * kStripCost;
  const double row = static_cast<double>(count()) * kRow[static_cast<int>(isa)] + ends;
  return units * static_cast<double>(count()) * kSlot + static_cast<double>(rows) * row;
}

std::vector<int32_t> folded_bias(const UnstructuredWeights& weights, const Epilogue& epilogue) {
  std::vector<int32_t> bias(static_cast<size_t>((weights.outputs + kStrip - 1) / kStrip * kStrip));
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

WeightSlots slots_of(const UnstructuredWeights& weights, Element x) {
  WeightSlots slots;
  slots.strips.push_back(0);
  Maker<float, 1> floats(weights, slots, slots.floats);
  Maker<int8_t, 4> bytes(weights, slots, slots.bytes);
  for (int64_t first = 0; first < weights.outputs; first += kStrip) {
    const int64_t last = std::min<int64_t>(first + kStrip, weights.outputs);
    x == Element::u8 ? bytes.add_strip(first, last) : floats.add_strip(first, last);
  }
  return slots;
}

}  // namespace apus
