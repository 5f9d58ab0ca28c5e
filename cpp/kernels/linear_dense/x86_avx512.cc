// float32 by fused multiply-add, a register being the 16 outputs of a strip.
#if defined(__x86_64__)
#if !defined(__AVX512F__) || !defined(__AVX512BW__)
#error "x86_avx512.cc is compiled without AVX-512 F and BW"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/linear_dense/kernel.h"

namespace apus {
namespace {

#include "kernels/linear_block16/x86_avx512_store.inc"
#include "kernels/linear_dense/x86_avx512_tile.inc"

struct Floats {
  using Sum = __m512;
  static INLINE Sum start(const void* bias) { return _mm512_loadu_ps(bias); }
  static INLINE Sum dot(Sum sum, __m512i x, __m512i w) {
    return _mm512_fmadd_ps(_mm512_castsi512_ps(x), _mm512_castsi512_ps(w), sum);
  }
  static INLINE __m512 stored(Sum sum) { return sum; }
};

}  // namespace

void linear_dense_f32_f32_avx512(const DenseArguments& a) { run<Floats, float>(a); }

}  // namespace apus
#endif
