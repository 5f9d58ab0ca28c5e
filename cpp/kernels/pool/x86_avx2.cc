#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include "kernels/pool/body.inc"

namespace apus {

extern const PoolTable pool_avx2;
constinit const PoolTable pool_avx2 = make_table(Isa::avx2);

}  // namespace apus
