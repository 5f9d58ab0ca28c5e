#if !defined(__AVX2__) || !defined(__FMA__)
#error "x86_avx2.cc needs -mavx2 -mfma"
#endif
#include "kernels/unary/body.inc"

namespace apus {
namespace {

void map_bytes(const uint8_t* x, uint8_t* y, int64_t n, const uint8_t* table) {
  for (int64_t i = 0; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

extern const UnaryTable unary_avx2;
constinit const UnaryTable unary_avx2 = make_unary_table(Isa::avx2, map_bytes);

}  // namespace apus
