#if defined(__aarch64__)
#include "kernels/roofline/roofline.h"

namespace apus {
namespace {

typedef int32_t Vector __attribute__((vector_size(16)));
constexpr int kChains = 24;

inline Vector step(Vector s) {
  __asm__("sdot %0.4s, %1.16b, %1.16b" : "+w"(s) : "w"(Vector{}));  // the compiler may not simplify it
  return s;
}

}  // namespace
}  // namespace apus

#include "kernels/roofline/body.inc"

namespace apus {

extern const RooflineRow roofline_s8_dotprod;
const RooflineRow roofline_s8_dotprod = {Isa::dotprod, kChains * 16, multiply, read};

}  // namespace apus
#endif
