#if !defined(__AVX512BW__) || !defined(__AVX512VL__)
#error "x86_avx512.cc needs -mavx512bw -mavx512vl"
#endif
#include "kernels/unary/body.inc"

namespace apus {
namespace {

void map_bytes(const uint8_t* x, uint8_t* y, int64_t n, const uint8_t* table) {
  for (int64_t i = 0; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

extern const UnaryTable unary_avx512;
constinit const UnaryTable unary_avx512 = make_unary_table(Isa::avx512, map_bytes);

}  // namespace apus
