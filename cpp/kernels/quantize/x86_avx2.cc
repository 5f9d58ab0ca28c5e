#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include "kernels/quantize/body.inc"

namespace apus {

extern const QuantizeTable quantize_avx2;
constinit const QuantizeTable quantize_avx2 = make_table(Isa::avx2);

}  // namespace apus
