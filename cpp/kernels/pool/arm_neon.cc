#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/pool/pairs.inc"

namespace {

void pair_max(const float* a, const float* b, float* y, int64_t n) { pair_max_tail(a, b, y, 0, n); }

void pair_max(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n) {
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const uint8x16_t low = vmaxq_u8(vld1q_u8(a + 2 * i), vld1q_u8(b + 2 * i));
    const uint8x16_t high = vmaxq_u8(vld1q_u8(a + 2 * i + 16), vld1q_u8(b + 2 * i + 16));
    vst1q_u8(y + i, vpmaxq_u8(low, high));
  }
  pair_max_tail(a, b, y, i, n);
}

}  // namespace

#include "kernels/pool/body.inc"

namespace apus {

extern const PoolTable pool_neon;
constinit const PoolTable pool_neon = make_table(Isa::neon);

}  // namespace apus
#endif
