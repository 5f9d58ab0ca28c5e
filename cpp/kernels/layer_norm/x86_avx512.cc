#if !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "x86_avx512.cc needs -mavx512bw -mavx512vl"
#endif
#include "kernels/layer_norm/body.inc"

namespace apus {

extern const LayerNormTable layer_norm_avx512;
constinit const LayerNormTable layer_norm_avx512 = make_table(Isa::avx512);

}  // namespace apus
