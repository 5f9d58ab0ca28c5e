// The reference, at the baseline of the build.
#include "kernels/binary/body.inc"

namespace apus {

extern const BinaryTable binary_scalar;
constinit const BinaryTable binary_scalar = make_table(Isa::scalar);

}  // namespace apus
