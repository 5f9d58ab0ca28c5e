// The reference, at the baseline of the build.
#include "kernels/softmax/body.inc"

namespace apus {

extern const SoftmaxTable softmax_scalar;
constinit const SoftmaxTable softmax_scalar = make_table(Isa::scalar);

}  // namespace apus
