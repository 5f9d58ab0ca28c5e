#include "kernels/conv_dense/conv_dense.h"

#include <algorithm>

#include "kernels/linear_dense/table.h"

namespace apus {
namespace {

constexpr int64_t kTile = 64;  // positions that become planes together
constexpr int64_t kWide = kPanel * kStrip;

// Columns of a group.
int64_t width_of(const Epilogue& epilogue) { return epilogue.x == Element::u8 ? 4 : 1; }

}  // namespace

bool ConvDense::serves(const Block16Weights& weights, const Window& w, const Epilogue& epilogue, Isa isa) {
  if (weights.groups != 1 || weights.bf16 || weights.strips == nullptr || w.dilations[1] != 1) return false;
  // What pads the channels of bytes weighs nothing, whatever it is; of floats it might be no number.
  const bool bytes = epilogue.x == Element::u8;
  if (bytes ? weights.bits != 8 || w.channels < 8 : w.channels % 16 != 0) return false;
  return find_dense_kernel(epilogue, isa) != nullptr && every_block_is_there(weights, width_of(epilogue));
}

ConvDense::ConvDense(const Block16Weights& weights, const Window& window, const Epilogue& epilogue, Isa isa,
                     int threads)
    : window_(window),
      epilogue_(epilogue),
      inputs_(weights.inputs),
      outputs_(weights.outputs),
      staged_(window),
      groups_(window.kernel[1] * staged_.channels / width_of(epilogue)),
      kernel_(find_dense_kernel(epilogue, isa)),
      bias_(folded_bias(weights, epilogue)),
      multiplier_(bias_.size()),
      alone_(running_cost(), tiles(), 1),
      shares_(running_cost(), tiles(), threads) {
  if (weights.multiplier) std::copy_n(weights.multiplier, weights.outputs, multiplier_.begin());
  values_ = AlignedBuffer(strips() * window.kernel[0] * groups_ * 64 + kSlack);
  if (epilogue.x == Element::u8) pack<int8_t, 4>(weights);
  if (epilogue.x != Element::u8) pack<float, 1>(weights);
}

// From columns (channel, row, column) of the window to (row, column, channel); channels that pad weigh nothing.
template <class T, int G>
void ConvDense::pack(const Block16Weights& weights) {
  const int64_t taps = window_.kernel[0] * window_.kernel[1], stored = (inputs_ + G - 1) / G * kStrip * G;
  const T* from = static_cast<const T*>(weights.values);
  T* to = reinterpret_cast<T*>(values_.data());
  for (int64_t strip = 0; strip < strips(); ++strip, from += stored) {
    for (int64_t tap = 0; tap < taps; ++tap) {
      for (int64_t c = 0; c < staged_.channels; c += G, to += kStrip * G) {
        for (int j = 0; j < G; ++j) {
          const int64_t k = (c + j) * taps + tap;
          const T* column = from + k / G * kStrip * G + k % G;
          for (int o = 0; o < kStrip; ++o) to[o * G + j] = c + j < window_.channels ? column[o * G] : T{0};
        }
      }
    }
  }
}

int64_t ConvDense::tiles() const { return (positions() + kTile - 1) / kTile; }

int64_t ConvDense::scratch_bytes() const {
  return (staged_.elements() * element_size(epilogue_.x) + 2 * kSlack) / 64 * 64;
}

void ConvDense::stage(const void* x, void* scratch, int part, int parts) const {
  if (epilogue_.x == Element::u8)
    stage_channels_last(window_, staged_, static_cast<const uint8_t*>(x), static_cast<uint8_t>(epilogue_.x_zero_point),
                        static_cast<uint8_t*>(scratch), part, parts);
  else
    stage_channels_last(window_, staged_, static_cast<const float*>(x), 0.0f, static_cast<float*>(scratch), part,
                        parts);
}

DenseArguments ConvDense::arguments(int64_t panel) const {
  const int64_t first = panel * kPanel, runs = window_.kernel[0];
  DenseArguments a{};
  a.x_row = window_.strides[1] * staged_.channels * element_size(epilogue_.x);
  a.runs = runs;
  a.x_run = window_.dilations[0] * staged_.pitch * staged_.channels * element_size(epilogue_.x);
  a.groups = groups_;
  a.values = values_.data() + first * runs * groups_ * 64;
  a.strip_count = std::min(kPanel, strips() - first);
  a.bias = bias_.data() + first * kStrip;
  a.multiplier = multiplier_.data() + first * kStrip;
  a.y_row = kWide;
  a.last_outputs =
      static_cast<int>(std::min(a.strip_count * kStrip, outputs_ - first * kStrip) - (a.strip_count - 1) * kStrip);
  a.low = epilogue_.low, a.high = epilogue_.high;
  a.y_zero_point = epilogue_.y_zero_point;
  return a;
}

// Positions first..last, those of one line of the image together.
void ConvDense::sum_tile(const char* staged, int64_t first, int64_t last, DenseArguments a, void* sums) const {
  for (int64_t p = first; p < last; p += a.rows) {
    const int64_t oy = p / window_.out_width, ox = p % window_.out_width;
    a.rows = std::min(last - p, window_.out_width - ox);
    a.x = staged + staged_.at(window_, oy, ox) * element_size(epilogue_.x);
    a.y = static_cast<char*>(sums) + (p - first) * kWide * element_size(epilogue_.y);
    kernel_->run(a);
  }
}

void ConvDense::compute(const void*, void* scratch, void* y, int part, int parts) const {
  alignas(64) char sums[kTile * kWide * sizeof(float) + kSlack];
  for (const Shares::Piece& piece : (parts == 1 ? alone_ : shares_).of(part)) {
    for (int64_t panel = piece.strip; panel < piece.end; ++panel) {
      const DenseArguments a = arguments(panel);
      const int64_t outputs = std::min(outputs_ - panel * kWide, kWide);
      for (int64_t tile = piece.first; tile < piece.last; ++tile) {
        const int64_t first = tile * kTile, last = std::min(positions(), first + kTile);
        const int64_t at = panel * kWide * positions() + first;
        sum_tile(static_cast<const char*>(scratch), first, last, a, sums);
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

std::vector<int64_t> ConvDense::running_cost() const {
  std::vector<int64_t> running{0};
  for (int64_t strip = 0; strip < strips(); strip += kPanel) {
    const double cycles = dense_cycles(kTile, std::min(kPanel, strips() - strip), window_.kernel[0] * groups_);
    running.push_back(running.back() + static_cast<int64_t>(cycles));
  }
  return running;
}

// Staging and turning back take about a cycle for four bytes.
double ConvDense::cost() const {
  const double lines = static_cast<double>(window_.out_height);
  double cycles = 0;
  for (int64_t strip = 0; strip < strips(); strip += kPanel)
    cycles += lines * dense_cycles(window_.out_width, std::min(kPanel, strips() - strip), window_.kernel[0] * groups_);
  const int64_t moved =
      staged_.elements() * element_size(epilogue_.x) + outputs_ * positions() * element_size(epilogue_.y);
  return cycles + static_cast<double>(moved) / 4;
}

}  // namespace apus
