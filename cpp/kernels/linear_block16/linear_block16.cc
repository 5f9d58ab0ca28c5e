#include "kernels/linear_block16/linear_block16.h"

#include <algorithm>

#include "kernels/conv_block16/table.h"
#include "kernels/linear_block16/table.h"
#include "kernels/planes/transpose.h"

namespace apus {
namespace {

const StripKernelRow* choose(const Block16Weights& weights, const Epilogue& epilogue, Isa isa, LinearBlock16::Road road,
                             LinearLayout layout) {
  if (road == LinearBlock16::Road::planes) {
    if (layout.x_planes) isa = std::min(isa, Isa::vnni);  // above, kernels want planes that were rounded
    return &find_planes_kernel(weights, isa, layout.y_planes ? Walk::planes : Walk::planes_to_rows, epilogue);
  }
  const bool runs = epilogue.x == Element::u8 && columns_are_runs(weights);
  return &find_strip_kernel(linear_block16_kernels(), isa, runs ? Walk::rows_of_runs : Walk::rows, epilogue,
                            weights.bf16);
}

std::vector<int32_t> column_offsets(const StripKernelRow& kernel, int64_t columns, int64_t rows) {
  std::vector<int32_t> offsets(columns);
  const int64_t pitch = kernel.walk == Walk::planes_to_rows || kernel.walk == Walk::planes ? padded_rows(rows) : 1;
  for (int64_t i = 0; i < columns; ++i) offsets[i] = static_cast<int32_t>(i * pitch);
  return offsets;
}

}  // namespace

LinearBlock16::LinearBlock16(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa,
                             int threads, Road road, LinearLayout layout)
    : rows_(rows),
      inputs_(weights.inputs),
      outputs_(weights.outputs),
      epilogue_(epilogue),
      layout_(layout),
      kernel_(choose(weights, epilogue, isa, road, layout)),
      packed_(weights, epilogue, column_offsets(*kernel_, weights.inputs, rows), *kernel_),
      vectors_(cover_positions(1, rows, padded_rows(rows))),
      alone_(packed_.running_cost(), units(), 1),
      shares_(packed_.running_cost(), units(), threads) {}

int64_t LinearBlock16::scratch_bytes() const {
  return planes() && !layout_.x_planes
             ? (inputs_ * padded_rows(rows_) * element_size(kernel_->x) + kSlack + 63) / 64 * 64
             : 0;
}

void LinearBlock16::stage(const void* x, void* scratch, int part, int parts) const {
  if (scratch_bytes() == 0 || owns_scratch()) return;
  transpose(x, scratch, 0, rows_, inputs_ * part / parts, inputs_ * (part + 1) / parts);
}

// Columns first..last of some rows.
void LinearBlock16::transpose(const void* x, void* scratch, int64_t row, int64_t rows, int64_t first,
                              int64_t last) const {
  const int64_t pitch = padded_rows(rows_), from = row * inputs_;
#if defined(__x86_64__)  // elsewhere no kernel takes them
  if (kernel_->x == Element::bf16) {
    return transpose_to_planes(static_cast<const float*>(x) + from, static_cast<uint16_t*>(scratch) + row, pitch, rows,
                               inputs_, first, last);
  }
#endif
  if (kernel_->x == Element::f32) {
    transpose_to_planes(static_cast<const float*>(x) + from, static_cast<float*>(scratch) + row, pitch, rows, inputs_,
                        first, last);
  } else {
    transpose_to_planes(static_cast<const uint8_t*>(x) + from, static_cast<uint8_t*>(scratch) + row, pitch, rows,
                        inputs_, first, last);
  }
}

int64_t LinearBlock16::units() const { return planes() ? static_cast<int64_t>(vectors_.size()) : rows_ > 0; }

void LinearBlock16::compute(const void* x, void* scratch, void* y, int part, int parts) const {
  StripArguments a{};
  a.x = planes() && !layout_.x_planes ? scratch : x;
  a.x_position = inputs_;
  a.y_row = layout_.y_planes ? padded_rows(rows_) : 1;
  a.y_position = layout_.y_planes ? 1 : outputs_;
  const std::span<const Shares::Piece> pieces = (parts == 1 ? alone_ : shares_).of(part);
  if (owns_scratch() && !pieces.empty()) {
    const int64_t first = pieces.front().first * kVector, last = std::min(rows_, pieces.back().last * kVector);
    transpose(x, scratch, first, last - first, 0, inputs_);
  }
  for (const Shares::Piece& piece : pieces) {
    a.vectors = vectors_.data() + piece.first;
    a.vector_count = planes() ? piece.last - piece.first : rows_;
    for (int64_t strip = piece.strip; strip < piece.end; ++strip) {
      packed_.fill(strip, a);
      a.y = static_cast<char*>(y) + packed_.first_output(strip) * a.y_row * element_size(epilogue_.y);
      packed_.run(*kernel_, a);
    }
  }
}

// A row costs 1 (float32, runs) or 2 (gathered bytes) cycles a group, a vector of 16 rows 8 to 9.
double LinearBlock16::cost() const {
  const double cycles =
      planes() ? packed_.cycles(units())
               : packed_.cycles(rows_) / (kernel_->walk == Walk::rows && epilogue_.x == Element::u8 ? 5 : 9);
  return cycles + packed_.unpack_cycles();
}

}  // namespace apus
