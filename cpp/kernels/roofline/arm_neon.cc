#if defined(__aarch64__)
#include "kernels/roofline/roofline.h"

namespace apus {
namespace {

typedef float Vector __attribute__((vector_size(16)));
constexpr int kChains = 24;

inline Vector step(Vector s) {
  __asm__("fmla %0.4s, %1.4s, %1.4s" : "+w"(s) : "w"(Vector{}));  // the compiler may not simplify it
  return s;
}

}  // namespace
}  // namespace apus

#include "kernels/roofline/body.inc"

namespace apus {

extern const RooflineRow roofline_f32_neon;
const RooflineRow roofline_f32_neon = {Isa::neon, kChains * 4, multiply, read};

}  // namespace apus
#endif
