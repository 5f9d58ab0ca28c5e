#if !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "x86_avx512.cc needs -mavx512bw -mavx512vl"
#endif
#include "kernels/unary/body.inc"

namespace apus {

extern const UnaryTable unary_avx512;
constinit const UnaryTable unary_avx512 = make_unary_table(Isa::avx512);

}  // namespace apus
