// The reference, at the baseline of the build.
#include "kernels/quantize/body.inc"

namespace apus {

extern const QuantizeTable quantize_scalar;
constinit const QuantizeTable quantize_scalar = make_table(Isa::scalar);

}  // namespace apus
