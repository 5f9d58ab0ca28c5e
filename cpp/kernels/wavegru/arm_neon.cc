// Products of bytes in 16 bits, added up by pairs in 32: a register holds two halves of each of two outputs.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/wavegru/body.inc"

namespace apus {
namespace {

#include "kernels/wavegru/arm_strips.inc"

struct Pairs {
  int32x4_t v[8] = {};
  INLINE void add(const int8_t* values, int8x16_t x) {
    repeat<4>(EACH(q) {
      const int8x16_t weights = vld1q_s8(values + 16 * q);
      v[2 * q] = vpadalq_s16(v[2 * q], vmull_s8(vget_low_s8(weights), vget_low_s8(x)));
      v[2 * q + 1] = vpadalq_s16(v[2 * q + 1], vmull_high_s8(weights, x));
    });
  }
  INLINE int32x4_t quarter(int q) const { return vpaddq_s32(v[2 * q], v[2 * q + 1]); }
};

}  // namespace

extern const WaveGruTable wavegru_neon;
constinit const WaveGruTable wavegru_neon = make_wavegru_table(Isa::neon, block_s8<Pairs>);

}  // namespace apus
#endif
