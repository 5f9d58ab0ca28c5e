// The reference, at the baseline of the build.
#include "kernels/reduce/body.inc"

namespace apus {

extern const ReduceTable reduce_scalar;
constinit const ReduceTable reduce_scalar = make_table(Isa::scalar);

}  // namespace apus
