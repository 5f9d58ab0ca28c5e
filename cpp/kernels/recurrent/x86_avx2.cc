#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include "kernels/recurrent/body.inc"

namespace apus {

extern const GateTable gates_avx2;
constinit const GateTable gates_avx2 = make_table(Isa::avx2);

}  // namespace apus
