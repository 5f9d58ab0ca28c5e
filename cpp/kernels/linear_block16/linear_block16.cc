#include "kernels/linear_block16/linear_block16.h"

#include <algorithm>

#include "kernels/conv_block16/table.h"
#include "kernels/linear_block16/table.h"
#include "kernels/planes/transpose.h"

namespace apus {
namespace {

const StripKernelRow* choose(const Block16Weights& weights, const Epilogue& epilogue, Isa isa,
                             LinearBlock16::Road road) {
  if (road == LinearBlock16::Road::planes) return &find_planes_kernel(weights, isa, Walk::planes_to_rows, epilogue);
  const bool runs = epilogue.x == Element::u8 && columns_are_runs(weights);
  return &find_strip_kernel(linear_block16_kernels(), isa, runs ? Walk::rows_of_runs : Walk::rows, epilogue,
                            weights.bf16);
}

std::vector<int32_t> column_offsets(int64_t columns, int64_t pitch) {
  std::vector<int32_t> offsets(columns);
  for (int64_t i = 0; i < columns; ++i) offsets[i] = static_cast<int32_t>(i * pitch);
  return offsets;
}

int64_t vectors_of(int64_t rows) { return (rows + kVector - 1) / kVector; }

// Vectors of rows that are planes at a time: as many as stay in the L1 cache, where every strip reads them. (On Zen 5
// 128 rows of 1024 took 42 us so, and 47 at once; on two cores 22 and 26.) The weights are then read as often, which
// those of a matrix beyond the caches had better not be.
int64_t staged_at_once(const Block16Weights& weights, int64_t rows, const StripKernelRow& kernel, int threads) {
  constexpr int64_t kStaged = 32 << 10, kCached = 8 << 20;  // bytes
  const int64_t all = vectors_of(rows), strips = (weights.outputs + kStrip - 1) / kStrip;
  const bool together = threads > 1 && !Shares::by_vectors(all, threads);
  if (kernel.walk != Walk::planes_to_rows || together || int64_t{weights.strips[strips]} * 64 > kCached) return all;
  const int64_t vector = std::max<int64_t>(1, weights.inputs * kVector * element_size(kernel.x));
  return std::max<int64_t>(1, std::min(all, kStaged / vector));
}

}  // namespace

LinearBlock16::LinearBlock16(const Block16Weights& weights, int64_t rows, const Epilogue& epilogue, Isa isa,
                             int threads, Road road)
    : rows_(rows),
      inputs_(weights.inputs),
      outputs_(weights.outputs),
      epilogue_(epilogue),
      kernel_(choose(weights, epilogue, isa, road)),
      staged_(staged_at_once(weights, rows, *kernel_, threads)),
      packed_(weights, epilogue, column_offsets(weights.inputs, planes() ? staged_ * kVector : 1), *kernel_),
      vectors_(cover_positions(1, rows, vectors_of(rows) * kVector)),
      alone_(packed_.running_cost(), units(), 1),
      shares_(packed_.running_cost(), units(), threads) {
  for (size_t i = 0; i < vectors_.size(); ++i) vectors_[i].x = static_cast<int64_t>(i) % staged_ * kVector;
}

int64_t LinearBlock16::scratch_bytes() const {
  return planes() ? (inputs_ * staged_ * kVector * element_size(kernel_->x) + kSlack + 63) / 64 * 64 : 0;
}

void LinearBlock16::stage(const void* x, void* scratch, int part, int parts) const {
  if (!planes() || owns_scratch() || vectors_.empty()) return;
  transpose(x, scratch, 0, units(), inputs_ * part / parts, inputs_ * (part + 1) / parts);
}

// Columns first..last of the rows of `vectors`, of which the first is staged where vectors_ says.
void LinearBlock16::transpose(const void* x, void* scratch, int64_t vector, int64_t vectors, int64_t first,
                              int64_t last) const {
  const int64_t pitch = staged_ * kVector, to = vectors_[static_cast<size_t>(vector)].x;
  const int64_t from = vector * kVector * inputs_, rows = std::min(vectors * kVector, rows_ - vector * kVector);
#if defined(__x86_64__)  // elsewhere no kernel takes them
  if (kernel_->x == Element::bf16) {
    return transpose_to_planes(static_cast<const float*>(x) + from, static_cast<uint16_t*>(scratch) + to, pitch, rows,
                               inputs_, first, last);
  }
#endif
  if (kernel_->x == Element::f32) {
    transpose_to_planes(static_cast<const float*>(x) + from, static_cast<float*>(scratch) + to, pitch, rows, inputs_,
                        first, last);
  } else {
    transpose_to_planes(static_cast<const uint8_t*>(x) + from, static_cast<uint8_t*>(scratch) + to, pitch, rows,
                        inputs_, first, last);
  }
}

int64_t LinearBlock16::units() const { return planes() ? static_cast<int64_t>(vectors_.size()) : rows_ > 0; }

// Vectors first..last of the strips of a piece.
void LinearBlock16::compute_strips(StripArguments a, void* y, const Shares::Piece& piece) const {
  a.vectors = vectors_.data() + piece.first;
  a.vector_count = planes() ? piece.last - piece.first : rows_;
  for (int64_t strip = piece.strip; strip < piece.end; ++strip) {
    packed_.fill(strip, a);
    a.y = static_cast<char*>(y) + packed_.first_output(strip) * element_size(epilogue_.y);
    packed_.run(*kernel_, a);
  }
}

void LinearBlock16::compute(const void* x, void* scratch, void* y, int part, int parts) const {
  StripArguments a{};
  a.x = planes() ? scratch : x;
  a.x_position = inputs_;
  a.y_row = 1;
  a.y_position = outputs_;
  for (const Shares::Piece& piece : (parts == 1 ? alone_ : shares_).of(part)) {
    if (!owns_scratch()) {
      compute_strips(a, y, piece);
      continue;
    }
    for (int64_t first = piece.first, last; first < piece.last; first = last) {
      last = std::min(piece.last, (first / staged_ + 1) * staged_);
      transpose(x, scratch, first, last - first, 0, inputs_);
      compute_strips(a, y, {piece.strip, piece.end, first, last});
    }
  }
}

// A row costs 1 (float32, runs) or 2 (gathered bytes) cycles a group, a vector of 16 rows 8 to 9; on AArch64 both cost
// more, by instructions: 3 to 5 of 36 to 48, and 10 of 160 where bytes become words first.
double LinearBlock16::cost() const {
  const bool arm = kernel_->isa == Isa::neon || kernel_->isa == Isa::dotprod, bytes = epilogue_.x == Element::u8;
  const bool gathered = bytes && kernel_->walk == Walk::rows && !arm, words = bytes && kernel_->isa == Isa::neon;
  const double rows = words ? 16 : gathered ? 5 : 9;  // that cost as much as a vector
  const double cycles = planes() ? packed_.cycles(units()) : packed_.cycles(rows_) / rows;
  const int64_t passes = planes() ? (units() + staged_ - 1) / staged_ : 1;
  return cycles + packed_.unpack_cycles() * static_cast<double>(passes);
}

}  // namespace apus
