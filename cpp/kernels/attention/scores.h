// Rows of scores through a softmax, in place: x[r, c] = exp(t - max over c of t) / sum over c of the same, t = x[r, c]
// * factor + mask[r, c], for r < rows, c < count.
//
// A row whose every t is -inf gives NaN, as in ONNX. Sums run in 16 interleaved chains whatever the ISA, so bits agree.
// `mask` may be null. Rows lie `pitch` floats apart, those of the mask `mask_pitch` (0: one for all). What lies between
// `count` and the pitch is neither read nor written.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

struct ScoreArguments {
  float* x;
  const float* mask;
  int64_t rows, count, pitch, mask_pitch;
  float factor;
};

struct ScoreTable {
  Isa isa;
  void (*run)(const ScoreArguments& arguments);
  void (*fast)(const ScoreArguments& arguments);  // by the fast exp of unary.h
};

// The best table of at most `isa`.
const ScoreTable& score_table(Isa isa);

}  // namespace apus
