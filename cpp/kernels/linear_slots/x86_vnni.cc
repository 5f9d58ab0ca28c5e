// uint8 x int8: found by vpermi2b, summed by vpdpbusd.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512VBMI__)
#error "x86_vnni.cc is compiled without AVX-512 VNNI and VBMI"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/linear_slots/kernel.h"

namespace apus {
namespace {

#include "kernels/linear_block16/x86_avx512_store.inc"

typedef int32_t Int32x16 __attribute__((vector_size(64)));  // the instruction's type: GCC 12 copies others

template <int R>
struct Bytes {
  Int32x16 s[R][2];

  INLINE Bytes(const SlotArguments& a, int64_t strip) {
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      s[r][0] = (Int32x16)_mm512_loadu_si512(static_cast<const int32_t*>(a.bias) + strip * kStrip);
      s[r][1] = Int32x16{};
    }
    const uint32_t last = a.strips[strip + 1];
    uint32_t slot = a.strips[strip];
    for (; slot + 2 <= last; slot += 2) add(a, slot, 0), add(a, slot + 1, 1);
    if (slot < last) add(a, slot, 0);
  }

  INLINE void add(const SlotArguments& a, uint32_t slot, int chain) {
    const int64_t at = int64_t{slot} * kSlotBytes;
    const __m512i index = _mm512_loadu_si512(a.index + at);
    const __m512i weights = _mm512_loadu_si512(static_cast<const int8_t*>(a.values) + at);
    const char* window = static_cast<const char*>(a.x) + a.lines[slot] * kSlotLine;
#pragma GCC unroll 4
    for (int r = 0; r < R; ++r) {
      const char* from = window + r * a.x_row;
      const __m512i low = _mm512_loadu_si512(from), high = _mm512_loadu_si512(from + a.second);
      s[r][chain] =
          (Int32x16)_mm512_dpbusd_epi32((__m512i)s[r][chain], _mm512_permutex2var_epi8(low, index, high), weights);
    }
  }

  INLINE __m512i of(int r) const { return (__m512i)(s[r][0] + s[r][1]); }
};

#include "kernels/linear_slots/strips.inc"

}  // namespace

void linear_slots_u8_u8_vnni(const SlotArguments& a) { run<Bytes, uint8_t>(a); }
void linear_slots_u8_f32_vnni(const SlotArguments& a) { run<Bytes, float>(a); }

}  // namespace apus
#endif
