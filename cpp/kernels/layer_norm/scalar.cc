// The reference, at the baseline of the build.
#include "kernels/layer_norm/body.inc"

namespace apus {

extern const LayerNormTable layer_norm_scalar;
constinit const LayerNormTable layer_norm_scalar = make_table(Isa::scalar);

}  // namespace apus
