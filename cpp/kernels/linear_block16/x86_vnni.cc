// uint8 x int8 by vpdpbusd, a register being the 16 outputs of a strip: four bytes of x meet 64 weights at once.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512BW__)
#error "x86_vnni.cc is compiled without AVX-512 VNNI and BW"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/linear_block16/x86_avx512_store.inc"

typedef int32_t Int32x16 __attribute__((vector_size(64)));  // the instruction's type: GCC 12 copies others

INLINE Int32x16 dot(Int32x16 sum, int32_t x, const int8_t* w) {
  return (Int32x16)_mm512_dpbusd_epi32((__m512i)sum, _mm512_set1_epi32(x), _mm512_loadu_si512(w));
}

INLINE int32_t dword(const uint8_t* p) {
  int32_t v;
  __builtin_memcpy(&v, p, 4);
  return v;
}

// The bytes of four columns. `runs`: they are neighbours.
template <bool runs>
INLINE int32_t bytes(const uint8_t* x, const int32_t* offsets) {
  if constexpr (runs) return dword(x + offsets[0]);
  const uint32_t low = x[offsets[0]] | static_cast<uint32_t>(x[offsets[1]]) << 8;
  const uint32_t high = x[offsets[2]] | static_cast<uint32_t>(x[offsets[3]]) << 8;
  return static_cast<int32_t>(low | high << 16);
}

// Eight chains: vpdpbusd takes four cycles, and two loads a group allow one of them a cycle.
template <bool runs>
INLINE __m512i accumulate(const StripArguments& a, const uint8_t* x) {
  const int8_t* w = static_cast<const int8_t*>(a.values);
  const int32_t* offsets = a.offsets;
  Int32x16 s[8] = {(Int32x16)_mm512_loadu_si512(a.bias)};
  int64_t g = 0;
  for (; g + 8 <= a.groups; g += 8, w += 512, offsets += 32) {
#pragma GCC unroll 8
    for (int i = 0; i < 8; ++i) s[i] = dot(s[i], bytes<runs>(x, offsets + 4 * i), w + 64 * i);
  }
  if (g + 4 <= a.groups) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) s[i] = dot(s[i], bytes<runs>(x, offsets + 4 * i), w + 64 * i);
    g += 4, w += 256, offsets += 16;
  }
  for (; g < a.groups; ++g, w += 64, offsets += 4) s[0] = dot(s[0], bytes<runs>(x, offsets), w);
  return (__m512i)(((s[0] + s[1]) + (s[2] + s[3])) + ((s[4] + s[5]) + (s[6] + s[7])));
}

}  // namespace

void linear_block16_runs_u8_u8_vnni(const StripArguments& a) { run_u8<accumulate<true>, uint8_t>(a); }
void linear_block16_runs_u8_f32_vnni(const StripArguments& a) { run_u8<accumulate<true>, float>(a); }
void linear_block16_rows_u8_u8_vnni(const StripArguments& a) { run_u8<accumulate<false>, uint8_t>(a); }
void linear_block16_rows_u8_f32_vnni(const StripArguments& a) { run_u8<accumulate<false>, float>(a); }

}  // namespace apus
#endif
