#include "kernels/conv_block16/conv_block16.h"

#include <algorithm>

#include "kernels/conv_block16/table.h"

namespace apus {
namespace {

std::vector<int32_t> column_offsets(const Planes& planes, int64_t columns) {
  std::vector<int32_t> offsets(columns);
  for (int64_t i = 0; i < columns; ++i) offsets[i] = static_cast<int32_t>(planes.offset(i));
  return offsets;
}

}  // namespace

const StripKernelRow& find_planes_kernel(const Block16Weights& weights, Isa isa, Walk walk, const Epilogue& epilogue) {
  if (!rounds_safely(weights, epilogue)) isa = std::min(isa, Isa::avx2);
  return find_strip_kernel(conv_block16_kernels(), isa, walk, epilogue, weights.bf16);
}

ConvBlock16::ConvBlock16(const Block16Weights& weights, const Window& window, const Epilogue& epilogue, Isa isa,
                         int threads)
    : kernel_(&find_planes_kernel(weights, isa, Walk::planes, epilogue)),
      epilogue_(epilogue),
      outputs_(weights.outputs),
      inputs_(weights.inputs),
      channels_per_group_(window.channels / weights.groups),
      planes_(window, epilogue.x, epilogue.x_zero_point, isa),
      packed_(weights, epilogue, column_offsets(planes_, weights.inputs), *kernel_),
      vectors_(cover_positions(window.out_height, window.out_width, planes_.pitch())),
      alone_(packed_.running_cost(), static_cast<int64_t>(vectors_.size()), 1),
      shares_(packed_.running_cost(), static_cast<int64_t>(vectors_.size()), threads) {}

bool ConvBlock16::owns_scratch() const {
  return planes_.stages_positions() && Shares::by_vectors(static_cast<int64_t>(vectors_.size()), shares_.parts());
}

void ConvBlock16::compute(const void* x, void* scratch, void* y, int part, int parts) const {
  const int64_t positions = planes_.window().out_height * planes_.window().out_width;
  const char* staged = static_cast<const char*>(planes_.direct() ? x : scratch);
  StripArguments a{};
  a.y_row = positions;
  a.y_position = 1;
  const std::span<const Shares::Piece> pieces = (parts == 1 ? alone_ : shares_).of(part);
  if (owns_scratch() && !pieces.empty()) {
    const int64_t last = vectors_[static_cast<size_t>(pieces.back().last) - 1].x + kVector;
    planes_.stage_positions(x, scratch, vectors_[static_cast<size_t>(pieces.front().first)].x, last);
  }
  for (const Shares::Piece& piece : pieces) {
    a.vectors = vectors_.data() + piece.first;
    a.vector_count = piece.last - piece.first;
    for (int64_t strip = piece.strip; strip < piece.end; ++strip) {
      packed_.fill(strip, a);
      a.x = staged + packed_.group_of(strip) * channels_per_group_ * planes_.channel() * element_size(epilogue_.x);
      a.y = static_cast<char*>(y) + packed_.first_output(strip) * positions * element_size(epilogue_.y);
      packed_.run(*kernel_, a);
    }
  }
}

int64_t ConvBlock16::macs() const {
  return outputs_ * inputs_ * planes_.window().out_height * planes_.window().out_width;
}

int64_t ConvBlock16::nonzero_macs() const {
  return packed_.blocks() * kStrip * planes_.window().out_height * planes_.window().out_width;
}

double ConvBlock16::cost() const {
  return packed_.cycles(static_cast<int64_t>(vectors_.size())) + packed_.unpack_cycles();
}

}  // namespace apus
