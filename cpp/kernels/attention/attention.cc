#include "kernels/attention/attention.h"

#include <algorithm>

#include "kernels/block16/block16.h"
#include "kernels/planes/transpose.h"

namespace apus {
namespace {

constexpr int64_t kScores = 6144;  // floats of a block: half of a 48 KiB cache
constexpr int64_t kRows = 12;      // of the matmul's tile

int64_t aligned(int64_t floats) { return (floats + 15) / 16 * 16; }

}  // namespace

Attention::Attention(const AttentionShape& shape, Isa isa, bool fast)
    : shape_(shape),
      isa_(matmul_isa(isa)),
      multiply_(matmul_kernel(isa)),
      scores_(fast ? score_table(isa).fast : score_table(isa).run),
      pitch_(aligned(shape.keys)),
      block_(std::clamp(kScores / std::max<int64_t>(pitch_, 1) / kRows * kRows, kRows, 8 * kRows)) {}

// Transposed keys, and scores; each with slack, since the matmul reads past their ends.
int64_t Attention::scratch_bytes() const { return (aligned(shape_.size) * pitch_ + block_ * pitch_) * 4 + 2 * kSlack; }

void Attention::run(const float* q, const float* k, const float* v, const AttentionMask& mask, float* y, void* scratch,
                    int64_t first, int64_t last) const {
  const AttentionShape& s = shape_;
  const int64_t width = s.heads * s.size;
  float* keys = static_cast<float*>(scratch);
  float* scores = keys + aligned(s.size) * pitch_ + kSlack / 4;
  for (int64_t head = first; head < last; ++head) {
    const int64_t at = head * s.size;
    transpose_to_planes(k + at, keys, pitch_, s.keys, s.k_pitch, 0, s.size);
    for (int64_t row = 0; row < s.queries; row += block_) {
      const int64_t rows = std::min(block_, s.queries - row);
      multiply_({q + row * s.q_pitch + at, keys, scores, rows, s.keys, s.size, s.q_pitch, pitch_, pitch_});
      const float* hidden = mask.data ? mask.data + head * mask.head + row * mask.query : nullptr;
      scores_({scores, hidden, rows, s.keys, pitch_, mask.query, s.factor});
      float* out = y + row * width + at;
      multiply_({scores, v + at, out, rows, s.size, s.keys, pitch_, s.v_pitch, width});
    }
  }
}

double Attention::cost() const {
  constexpr double kMacs[kIsaCount] = {1, 6, 6, 10, 20, 20, 20, 20}, kExp[kIsaCount] = {40, 10, 10, 5, 2, 2, 2, 2};
  const int isa = static_cast<int>(isa_);
  return static_cast<double>(macs()) / kMacs[isa] +
         static_cast<double>(shape_.heads * shape_.queries * shape_.keys) * kExp[isa];
}

}  // namespace apus
