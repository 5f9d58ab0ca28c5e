#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include "kernels/reduce/body.inc"

namespace apus {

extern const ReduceTable reduce_avx2;
constinit const ReduceTable reduce_avx2 = make_table(Isa::avx2);

}  // namespace apus
