#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include "kernels/layer_norm/body.inc"

namespace apus {

extern const LayerNormTable layer_norm_avx2;
constinit const LayerNormTable layer_norm_avx2 = make_table(Isa::avx2);

}  // namespace apus
