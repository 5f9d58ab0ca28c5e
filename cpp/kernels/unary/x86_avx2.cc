#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include "kernels/unary/body.inc"

namespace apus {

extern const UnaryTable unary_avx2;
constinit const UnaryTable unary_avx2 = make_unary_table(Isa::avx2);

}  // namespace apus
