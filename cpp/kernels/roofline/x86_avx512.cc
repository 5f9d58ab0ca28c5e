#if defined(__x86_64__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/roofline/roofline.h"

namespace apus {
namespace {

typedef float Vector __attribute__((vector_size(64)));
constexpr int kChains = 12;

inline Vector step(Vector s) {
  __asm__("vfmadd231ps %1, %1, %0" : "+v"(s) : "v"(Vector{}));  // the compiler may not simplify it
  return s;
}

}  // namespace
}  // namespace apus

#include "kernels/roofline/body.inc"

namespace apus {

extern const RooflineRow roofline_f32_avx512;
const RooflineRow roofline_f32_avx512 = {Isa::avx512, kChains * 16, multiply, read};

}  // namespace apus
#endif
