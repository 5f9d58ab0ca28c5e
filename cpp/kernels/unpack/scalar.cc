// The reference, at the baseline of the build.
#include "kernels/unpack/body.inc"

namespace apus {

extern const UnpackTable unpack_scalar;
constinit const UnpackTable unpack_scalar = make_table(Isa::scalar);

}  // namespace apus
