#include "kernels/attention/scores.h"

namespace apus {

#define APUS_SCORE_TABLE(name) extern const ScoreTable name;
#include "kernels/attention/table.inc"
#undef APUS_SCORE_TABLE

const ScoreTable& score_table(Isa isa) {
#define APUS_SCORE_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/attention/table.inc"
#undef APUS_SCORE_TABLE
  return score_scalar;
}

}  // namespace apus
