#include "kernels/conv_slots/conv_slots.h"

#include <algorithm>

#include "kernels/linear_slots/table.h"

namespace apus {
namespace {

constexpr int64_t kTile = 32;     // positions that become planes together
constexpr int64_t kTogether = 8;  // strips of a tile at a time: its results wait on the stack
constexpr int64_t kWide = kTogether * kStrip;
constexpr int64_t kMostInputs = int64_t{1} << 21;  // bytes that a position may span: lines of 64 fit 16 bits

// The matrix whose columns are bytes from a position's first, in ascending order.
struct Moved {
  std::vector<uint32_t> columns;
  std::vector<int8_t> values;
  UnstructuredWeights weights;

  Moved(const UnstructuredWeights& from, const Window& w) : weights(from) {
    const int64_t taps = w.kernel[0] * w.kernel[1], count = from.count();
    const ChannelsLast staged(w);
    std::vector<std::pair<uint32_t, int8_t>> row;
    for (int64_t m = 0; m < from.outputs; ++m) {
      row.clear();
      for (int64_t i = from.rows[m]; i < from.rows[m + 1]; ++i) {
        const int64_t channel = from.column(i) / taps, tap = from.column(i) % taps;
        const int64_t y = tap / w.kernel[1] * w.dilations[0], x = tap % w.kernel[1] * w.dilations[1];
        row.emplace_back(static_cast<uint32_t>((y * staged.pitch + x) * staged.channels + channel),
                         static_cast<const int8_t*>(from.values)[i]);
      }
      std::sort(row.begin(), row.end());
      for (const auto& [column, value] : row) columns.push_back(column), values.push_back(value);
    }
    weights.inputs = count > 0 ? *std::max_element(columns.begin(), columns.end()) + 1 : 1;
    weights.columns = columns.data(), weights.wide_columns = true, weights.values = values.data();
  }
};

WeightSlots moved_slots(const UnstructuredWeights& weights, const Window& window) {
  const Moved moved(weights, window);
  return slots_of(moved.weights, Element::u8);
}

}  // namespace

bool ConvSlots::serves(const UnstructuredWeights& weights, const Window& w, const Epilogue& epilogue, Isa isa) {
  const ChannelsLast staged(w);
  const int64_t reach = (w.kernel[0] - 1) * w.dilations[0] * staged.pitch + (w.kernel[1] - 1) * w.dilations[1] + 1;
  return epilogue.x == Element::u8 && weights.groups == 1 && find_slot_kernel(epilogue, isa) != nullptr &&
         staged.channels <= kMostInputs / reach;
}

ConvSlots::ConvSlots(const UnstructuredWeights& weights, const Window& window, const Epilogue& epilogue, Isa isa,
                     int threads)
    : window_(window),
      epilogue_(epilogue),
      inputs_(weights.inputs),
      outputs_(weights.outputs),
      count_(weights.count()),
      staged_(window),
      kernel_(find_slot_kernel(epilogue, isa)),
      slots_(moved_slots(weights, window)),
      bias_(folded_bias(weights, epilogue)),
      multiplier_(bias_.size()),
      alone_(slots_.running_cost(), tiles(), 1),
      shares_(slots_.running_cost(), tiles(), threads) {
  std::copy_n(weights.multiplier, weights.outputs, multiplier_.begin());
}

int64_t ConvSlots::tiles() const { return (positions() + kTile - 1) / kTile; }

// A window may begin at the last byte.
int64_t ConvSlots::scratch_bytes() const { return (staged_.elements() + 3 * kSlotLine) / 64 * 64; }

void ConvSlots::stage(const void* x, void* scratch, int part, int parts) const {
  stage_channels_last(window_, staged_, static_cast<const uint8_t*>(x), static_cast<uint8_t>(epilogue_.x_zero_point),
                      static_cast<uint8_t*>(scratch), part, parts);
}

// Strips first..last.
SlotArguments ConvSlots::arguments(int64_t first, int64_t last) const {
  SlotArguments a{};
  a.x_row = window_.strides[1] * staged_.channels;
  a.second = kSlotLine;
  a.lines = slots_.lines.data();
  a.index = slots_.index.data();
  a.values = slots_.values();
  a.strips = slots_.strips.data() + first;
  a.strip_count = last - first;
  a.bias = bias_.data() + first * kStrip;
  a.multiplier = multiplier_.data() + first * kStrip;
  a.y_row = kWide;
  a.last_outputs = static_cast<int>(std::min<int64_t>(kStrip, outputs_ - (last - 1) * kStrip));
  a.low = epilogue_.low, a.high = epilogue_.high;
  a.y_zero_point = epilogue_.y_zero_point;
  return a;
}

// Positions first..last, those of one line of the image a few at a time.
void ConvSlots::sum_tile(const uint8_t* staged, int64_t first, int64_t last, SlotArguments a, void* sums) const {
  for (int64_t p = first; p < last; p += a.rows) {
    const int64_t oy = p / window_.out_width, ox = p % window_.out_width;
    a.rows = std::min({kSlotRows, last - p, window_.out_width - ox});
    a.x = staged + staged_.at(window_, oy, ox);
    a.y = static_cast<char*>(sums) + (p - first) * kWide * element_size(epilogue_.y);
    kernel_->run(a);
  }
}

void ConvSlots::compute(const void*, void* scratch, void* y, int part, int parts) const {
  alignas(64) char sums[kTile * kWide * sizeof(float)];
  for (const Shares::Piece& piece : (parts == 1 ? alone_ : shares_).of(part)) {
    for (int64_t tile = piece.first; tile < piece.last; ++tile) {
      const int64_t first = tile * kTile, last = std::min(positions(), first + kTile);
      for (int64_t strip = piece.strip; strip < piece.end; strip += kTogether) {
        const int64_t end = std::min(piece.end, strip + kTogether), at = strip * kStrip * positions() + first;
        const int64_t outputs = std::min(outputs_, end * kStrip) - strip * kStrip;
        sum_tile(static_cast<const uint8_t*>(scratch), first, last, arguments(strip, end), sums);
        if (epilogue_.y == Element::u8)
          rows_to_planes(reinterpret_cast<uint8_t*>(sums), kWide, last - first, outputs, static_cast<uint8_t*>(y) + at,
                         positions());
        else
          rows_to_planes(reinterpret_cast<float*>(sums), kWide, last - first, outputs, static_cast<float*>(y) + at,
                         positions());
      }
    }
  }
}

// Staging and turning back take about a cycle for four bytes.
double ConvSlots::cost() const {
  const double moved = static_cast<double>(staged_.elements() + outputs_ * positions()) / 4;
  return slots_.cycles(positions(), kernel_->isa) + moved;
}

}  // namespace apus
