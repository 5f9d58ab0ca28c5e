// The reference, at the baseline of the build.
#include "kernels/attention/body.inc"

namespace apus {

extern const ScoreTable score_scalar;
constinit const ScoreTable score_scalar = make_table(Isa::scalar);

}  // namespace apus
