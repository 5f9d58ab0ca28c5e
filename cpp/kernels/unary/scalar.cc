// The reference, at the baseline of the build.
#include "kernels/unary/body.inc"

namespace apus {

extern const UnaryTable unary_scalar;
constinit const UnaryTable unary_scalar = make_unary_table(Isa::scalar);

}  // namespace apus
