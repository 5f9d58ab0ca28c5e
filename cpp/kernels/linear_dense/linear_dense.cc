#include "kernels/linear_dense/linear_dense.h"

#include <algorithm>

#include "kernels/linear_dense/table.h"

namespace apus {
namespace {

constexpr int64_t kGroup = 64;  // bytes of a group's weights

int64_t strips_of(const Block16Weights& weights) { return (weights.outputs + kStrip - 1) / kStrip; }

// Columns of a group.
int64_t width_of(const Epilogue& epilogue) { return epilogue.x == Element::u8 ? 4 : 1; }

}  // namespace

bool LinearDense::serves(const Block16Weights& weights, const Epilogue& epilogue, Isa isa) {
  if (weights.groups != 1 || weights.bf16 || weights.strips == nullptr || !find_dense_kernel(epilogue, isa))
    return false;
  const int64_t groups = (weights.inputs + 3) / 4;
  if (epilogue.x == Element::u8 && weights.bits != 8 && groups * kPanel > kUnpackedGroups) return false;
  return every_block_is_there(weights, width_of(epilogue));
}

LinearDense::LinearDense(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa, int threads)
    : weights_(weights),
      epilogue_(epilogue),
      kernel_(find_dense_kernel(epilogue, isa)),
      rows_(rows),
      strips_(strips_of(weights)),
      groups_((weights.inputs + width_of(epilogue) - 1) / width_of(epilogue)),
      bias_(folded_bias(weights, epilogue)),
      multiplier_(bias_.size()),
      unpack_(epilogue.x == Element::u8 ? unpack_kernel(weights, kernel_->isa) : nullptr),
      alone_(running_cost(), tiles(), 1),
      shares_(running_cost(), tiles(), threads) {
  constexpr int64_t kCached = 512 << 10;  // bytes
  const int64_t row = weights.inputs * element_size(epilogue.x) + weights.outputs * element_size(epilogue.y);
  tiles_at_once_ = std::max<int64_t>(4, kCached / std::max<int64_t>(1, kTileRows * row));
  if (weights.multiplier) std::copy_n(weights.multiplier, weights.outputs, multiplier_.begin());
}

std::vector<int64_t> LinearDense::running_cost() const {
  std::vector<int64_t> running{0};
  for (int64_t strip = 0; strip < strips_; strip += kPanel) {
    const double cycles = dense_cycles(kTileRows, std::min(kPanel, strips_ - strip), groups_);
    running.push_back(running.back() + static_cast<int64_t>(cycles));
  }
  return running;
}

double LinearDense::cost() const {
  double cycles = 0;
  for (int64_t strip = 0; strip < strips_; strip += kPanel)
    cycles += dense_cycles(rows_, std::min(kPanel, strips_ - strip), groups_);
  return cycles + (unpack_ ? static_cast<double>(strips_ * groups_) : 0);
}

void LinearDense::run_panel(DenseArguments& a, int64_t panel) const {
  const int64_t first = panel * kPanel, left = strips_ - first;
  const char* values = static_cast<const char*>(weights_.values);
  a.strip_count = std::min(kPanel, left);
  a.bias = bias_.data() + first * kStrip;
  a.multiplier = multiplier_.data() + first * kStrip;
  a.last_outputs = static_cast<int>(std::min(a.strip_count * kStrip, weights_.outputs - first * kStrip) -
                                    (a.strip_count - 1) * kStrip);
  if (!unpack_) {
    a.values = values + first * groups_ * kGroup;
    return kernel_->run(a);
  }
  alignas(64) int8_t unpacked[kUnpackedGroups * kGroup];
  unpack_(reinterpret_cast<const uint8_t*>(values) + first * groups_ * kGroup * weights_.bits / 8,
          a.strip_count * groups_, unpacked);
  a.values = unpacked;
  kernel_->run(a);
}

void LinearDense::run_panels(const void* x, void* y, const Shares::Piece& piece) const {
  const int64_t row = piece.first * kTileRows;
  DenseArguments a{};
  a.x_row = weights_.inputs * element_size(epilogue_.x);
  a.x = static_cast<const char*>(x) + row * a.x_row;
  a.rows = std::min(rows_, piece.last * kTileRows) - row;
  a.runs = 1;
  a.groups = groups_;
  a.y_row = weights_.outputs;
  a.low = epilogue_.low, a.high = epilogue_.high;
  a.y_zero_point = epilogue_.y_zero_point;
  for (int64_t panel = piece.strip; panel < piece.end; ++panel) {
    a.y = static_cast<char*>(y) + (row * a.y_row + panel * kPanel * kStrip) * element_size(epilogue_.y);
    run_panel(a, panel);
  }
}

void LinearDense::compute(const void* x, void*, void* y, int part, int parts) const {
  for (const Shares::Piece& piece : (parts == 1 ? alone_ : shares_).of(part)) {
    for (int64_t first = piece.first; first < piece.last; first += tiles_at_once_)
      run_panels(x, y, {piece.strip, piece.end, first, std::min(piece.last, first + tiles_at_once_)});
  }
}

}  // namespace apus
