#include "kernels/roofline/roofline.h"

namespace apus {

#if defined(__x86_64__)
extern const RooflineRow roofline_f32_avx512, roofline_s8_vnni;
#elif defined(__aarch64__)
extern const RooflineRow roofline_f32_neon, roofline_s8_dotprod;
#endif

const RooflineRow* roofline_f32([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::avx512) return &roofline_f32_avx512;
#elif defined(__aarch64__)
  if (isa >= Isa::neon) return &roofline_f32_neon;
#endif
  return nullptr;
}

const RooflineRow* roofline_s8([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::vnni) return &roofline_s8_vnni;
#elif defined(__aarch64__)
  if (isa >= Isa::dotprod) return &roofline_s8_dotprod;
#endif
  return nullptr;
}

}  // namespace apus
