#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/unary/body.inc"

namespace apus {
namespace {

// Four tables of 64 entries: an index beyond one leaves what the others found.
void map_bytes(const uint8_t* x, uint8_t* y, int64_t n, const uint8_t* table) {
  const uint8x16x4_t t0 = vld1q_u8_x4(table), t1 = vld1q_u8_x4(table + 64);
  const uint8x16x4_t t2 = vld1q_u8_x4(table + 128), t3 = vld1q_u8_x4(table + 192);
  const uint8x16_t next = vdupq_n_u8(64);
  int64_t i = 0;
  for (; i + 16 <= n; i += 16) {
    const uint8x16_t v0 = vld1q_u8(x + i), v1 = vsubq_u8(v0, next), v2 = vsubq_u8(v1, next), v3 = vsubq_u8(v2, next);
    const uint8x16_t found = vqtbx4q_u8(vqtbl4q_u8(t0, v0), t1, v1);
    vst1q_u8(y + i, vqtbx4q_u8(vqtbx4q_u8(found, t2, v2), t3, v3));
  }
  for (; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

extern const UnaryTable unary_neon;
constinit const UnaryTable unary_neon = make_unary_table(Isa::neon, map_bytes);

}  // namespace apus
#endif
