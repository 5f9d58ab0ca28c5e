// uint8 x int8 by vpdpbusd, a register being the 16 outputs of a strip. Sums are exact.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512BW__)
#error "x86_vnni.cc is compiled without AVX-512 VNNI and BW"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/linear_dense/kernel.h"

namespace apus {
namespace {

#include "kernels/linear_block16/x86_avx512_store.inc"
#include "kernels/linear_dense/x86_avx512_tile.inc"

struct Bytes {
  typedef int32_t Sum __attribute__((vector_size(64)));  // the instruction's type: GCC 12 copies others
  static INLINE Sum start(const void* bias) { return (Sum)_mm512_loadu_si512(bias); }
  static INLINE Sum dot(Sum sum, __m512i x, __m512i w) { return (Sum)_mm512_dpbusd_epi32((__m512i)sum, x, w); }
  static INLINE __m512i stored(Sum sum) { return (__m512i)sum; }
};

}  // namespace

void linear_dense_u8_u8_vnni(const DenseArguments& a) { run<Bytes, uint8_t>(a); }
void linear_dense_u8_f32_vnni(const DenseArguments& a) { run<Bytes, float>(a); }

}  // namespace apus
#endif
