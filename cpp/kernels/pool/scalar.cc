// The reference, at the baseline of the build.
#include "kernels/pool/body.inc"

namespace apus {

extern const PoolTable pool_scalar;
constinit const PoolTable pool_scalar = make_table(Isa::scalar);

}  // namespace apus
