// Attention of several heads, one image of tokens a call: y = softmax(q k^T * factor + mask) v, head by head.
//
// q [Sq, heads * size] and k, v [Sk, heads * size] are float32 and row-major with pitches, so that they may be columns
// of one wider matrix; y [Sq, heads * size] is contiguous. Queries go by blocks whose scores stay in the L1 cache, and
// are never written whole. Heads are independent: results do not depend on how threads share them.
// Reads up to kSlack bytes past the end of q, k and v; writes y exactly. Running allocates nothing.
#pragma once

#include <cstdint>

#include "kernels/attention/scores.h"
#include "kernels/matmul/matmul.h"

namespace apus {

struct AttentionShape {
  int64_t heads, size, queries, keys;
  int64_t q_pitch, k_pitch, v_pitch;
  float factor;
};

// Strides of the mask, in floats, by head and by query; 0 repeats. Its keys are contiguous.
struct AttentionMask {
  const float* data;  // null: none
  int64_t head, query;
};

class Attention {
 public:
  // `fast`: by the fast exp of unary.h.
  Attention(const AttentionShape& shape, Isa isa, bool fast = false);

  int64_t scratch_bytes() const;  // of each caller, 64-byte aligned
  // Heads first..last.
  void run(const float* q, const float* k, const float* v, const AttentionMask& mask, float* y, void* scratch,
           int64_t first, int64_t last) const;

  Isa isa() const { return isa_; }
  int64_t macs() const { return 2 * shape_.heads * shape_.queries * shape_.keys * shape_.size; }
  double cost() const;  // estimated cycles

 private:
  AttentionShape shape_;
  Isa isa_;
  MatmulKernel multiply_;
  void (*scores_)(const ScoreArguments& arguments);
  int64_t pitch_, block_;  // of a row of scores; queries at a time
};

}  // namespace apus
