// The reference, at the baseline of the build.
#include "kernels/spectral/body.inc"

namespace apus {

void spectral_scalar(const SpectralArguments& a) { run(a); }

}  // namespace apus
