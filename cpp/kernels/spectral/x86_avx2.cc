#if !defined(__AVX2__)
#error "x86_avx2.cc needs -mavx2"
#endif
#include "kernels/spectral/body.inc"

namespace apus {

void spectral_avx2(const SpectralArguments& a) { run(a); }

}  // namespace apus
