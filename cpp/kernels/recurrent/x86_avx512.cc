#if !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "x86_avx512.cc needs -mavx512bw -mavx512vl"
#endif
#include "kernels/recurrent/body.inc"

namespace apus {

extern const GateTable gates_avx512;
constinit const GateTable gates_avx512 = make_table(Isa::avx512);

}  // namespace apus
