#if defined(__aarch64__)
#include "kernels/spectral/body.inc"

namespace apus {

void spectral_neon(const SpectralArguments& a) { run(a); }

}  // namespace apus
#endif
