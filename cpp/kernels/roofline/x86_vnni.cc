#if defined(__x86_64__)
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/roofline/roofline.h"

namespace apus {
namespace {

typedef int32_t Vector __attribute__((vector_size(64)));
constexpr int kChains = 12;

inline Vector step(Vector s) {
  __asm__("vpdpbusd %1, %1, %0" : "+v"(s) : "v"(Vector{}));  // the compiler may not simplify it
  return s;
}

}  // namespace
}  // namespace apus

#include "kernels/roofline/body.inc"

namespace apus {

extern const RooflineRow roofline_s8_vnni;
const RooflineRow roofline_s8_vnni = {Isa::vnni, kChains * 64, multiply, read};

}  // namespace apus
#endif
