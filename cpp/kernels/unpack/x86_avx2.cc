#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include "kernels/unpack/body.inc"

namespace apus {

extern const UnpackTable unpack_avx2;
constinit const UnpackTable unpack_avx2 = make_table(Isa::avx2);

}  // namespace apus
