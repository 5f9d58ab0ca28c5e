#include "kernels/roofline/roofline.h"

namespace apus {

#if defined(__x86_64__)
extern const RooflineRow roofline_f32_avx512, roofline_s8_vnni;
#endif

const RooflineRow* roofline_f32([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::avx512) return &roofline_f32_avx512;
#endif
  return nullptr;
}

const RooflineRow* roofline_s8([[maybe_unused]] Isa isa) {
#if defined(__x86_64__)
  if (isa >= Isa::vnni) return &roofline_s8_vnni;
#endif
  return nullptr;
}

}  // namespace apus
