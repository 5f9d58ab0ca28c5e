// The reference, at the baseline of the build.
#include "kernels/recurrent/body.inc"

namespace apus {

extern const GateTable gates_scalar;
constinit const GateTable gates_scalar = make_table(Isa::scalar);

}  // namespace apus
