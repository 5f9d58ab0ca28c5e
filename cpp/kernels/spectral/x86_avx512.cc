#if !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "x86_avx512.cc needs -mavx512bw -mavx512vl"
#endif
#include "kernels/spectral/body.inc"

namespace apus {

void spectral_avx512(const SpectralArguments& a) { run(a); }

}  // namespace apus
