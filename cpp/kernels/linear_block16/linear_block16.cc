#include "kernels/linear_block16/linear_block16.h"

#include "kernels/conv_block16/table.h"
#include "kernels/linear_block16/table.h"
#include "kernels/planes/transpose.h"

namespace apus {
namespace {

// Rows from which planes win, measured: a row costs 1 (float32, runs) or 2 (gathered bytes) cycles a group, a vector of
// 16 rows 8 to 9.
int64_t planes_from(Walk walk, Element x) { return walk == Walk::rows && x == Element::u8 ? 5 : 9; }

const StripKernelRow* choose(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa) {
  const bool runs = epilogue.x == Element::u8 && columns_are_runs(weights);
  const StripKernelRow& row =
      find_strip_kernel(linear_block16_kernels(), isa, runs ? Walk::rows_of_runs : Walk::rows, epilogue);
  if (rows < planes_from(row.walk, epilogue.x)) return &row;
  return &find_strip_kernel(conv_block16_kernels(), isa, Walk::planes_to_rows, epilogue);
}

int64_t padded(int64_t rows) { return (rows + kVector - 1) / kVector * kVector; }

std::vector<int32_t> column_offsets(const StripKernelRow& kernel, int64_t columns, int64_t rows) {
  std::vector<int32_t> offsets(columns);
  const int64_t pitch = kernel.walk == Walk::planes_to_rows ? padded(rows) : 1;
  for (int64_t i = 0; i < columns; ++i) offsets[i] = static_cast<int32_t>(i * pitch);
  return offsets;
}

}  // namespace

LinearBlock16::LinearBlock16(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa)
    : rows_(rows),
      inputs_(weights.inputs),
      outputs_(weights.outputs),
      epilogue_(epilogue),
      kernel_(choose(weights, rows, epilogue, isa)),
      packed_(weights, epilogue, column_offsets(*kernel_, weights.inputs, rows), *kernel_),
      vectors_(cover_positions(1, rows, padded(rows))) {}

int64_t LinearBlock16::scratch_bytes() const {
  return planes() ? (inputs_ * padded(rows_) * element_size(epilogue_.x) + kSlack + 63) / 64 * 64 : 0;
}

void LinearBlock16::stage(const void* x, void* scratch, int part, int parts) const {
  if (!planes()) return;
  const int64_t first = inputs_ * part / parts, last = inputs_ * (part + 1) / parts;
  if (epilogue_.x == Element::f32) {
    transpose_to_planes(static_cast<const float*>(x), static_cast<float*>(scratch), rows_, inputs_, first, last);
  } else {
    transpose_to_planes(static_cast<const uint8_t*>(x), static_cast<uint8_t*>(scratch), rows_, inputs_, first, last);
  }
}

int64_t LinearBlock16::units() const { return planes() ? static_cast<int64_t>(vectors_.size()) : rows_ > 0; }

void LinearBlock16::compute(const void* x, const void* scratch, void* y, int part, int parts) const {
  const auto from = packed_.cut(units(), part, parts), to = packed_.cut(units(), part + 1, parts);
  StripArguments a{};
  a.x = planes() ? scratch : x;
  a.x_position = inputs_;
  a.y_row = 1;
  a.y_position = outputs_;
  for (int64_t strip = from.strip; strip <= to.strip && strip < packed_.strips(); ++strip) {
    const int64_t first = strip == from.strip ? from.vector : 0, last = strip == to.strip ? to.vector : units();
    if (first >= last) continue;
    packed_.fill(strip, a);
    a.y = static_cast<char*>(y) + packed_.first_output(strip) * element_size(epilogue_.y);
    a.vectors = vectors_.data() + first;
    a.vector_count = planes() ? last - first : rows_;
    kernel_->run(a);
  }
}

double LinearBlock16::cost() const {
  return planes() ? packed_.cycles(units())
                  : packed_.cycles(rows_) / static_cast<double>(planes_from(kernel_->walk, epilogue_.x));
}

}  // namespace apus
