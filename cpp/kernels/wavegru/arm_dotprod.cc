// Four columns meet four outputs at once.
#if defined(__aarch64__)
#if !defined(__ARM_FEATURE_DOTPROD)
#error "arm_dotprod.cc is compiled without the dot product"
#endif
#include <arm_neon.h>

#include "kernels/wavegru/body.inc"

namespace apus {
namespace {

#include "kernels/wavegru/arm_strips.inc"

struct Dots {
  int32x4_t v[4] = {};
  INLINE void add(const int8_t* values, int8x16_t x) {
    repeat<4>(EACH(q) { v[q] = vdotq_s32(v[q], vld1q_s8(values + 16 * q), x); });
  }
  INLINE int32x4_t quarter(int q) const { return v[q]; }
};

}  // namespace

extern const WaveGruTable wavegru_dotprod;
constinit const WaveGruTable wavegru_dotprod = make_wavegru_table(Isa::dotprod, block_s8<Dots>);

}  // namespace apus
#endif
