#if !defined(__AVX512VBMI__)
#error "x86_vnni.cc needs -mavx512vbmi"
#endif
#include <immintrin.h>

#include "kernels/unary/body.inc"

namespace apus {
namespace {

void map_bytes(const uint8_t* x, uint8_t* y, int64_t n, const uint8_t* table) {
  // Two tables of 128 entries; the top bit of a byte chooses between them.
  const __m512i t0 = _mm512_loadu_si512(table), t1 = _mm512_loadu_si512(table + 64);
  const __m512i t2 = _mm512_loadu_si512(table + 128), t3 = _mm512_loadu_si512(table + 192);
  for (int64_t i = 0; i < n; i += 64) {
    const __mmask64 lanes = n - i < 64 ? (uint64_t{1} << (n - i)) - 1 : ~uint64_t{0};
    const __m512i v = _mm512_maskz_loadu_epi8(lanes, x + i);
    const __m512i low = _mm512_permutex2var_epi8(t0, v, t1), high = _mm512_permutex2var_epi8(t2, v, t3);
    _mm512_mask_storeu_epi8(y + i, lanes, _mm512_mask_blend_epi8(_mm512_movepi8_mask(v), low, high));
  }
}

}  // namespace

extern const UnaryTable unary_vnni;
constinit const UnaryTable unary_vnni = make_unary_table(Isa::vnni, map_bytes);

}  // namespace apus
