// int8 x int8 by sdot: four columns meet four outputs at once. x is centred, its bias made up for that; sums are exact.
#if defined(__aarch64__)
#if !defined(__ARM_FEATURE_DOTPROD)
#error "arm_dotprod.cc is compiled without the dot product"
#endif
#include <arm_neon.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/linear_block16/arm_store.inc"

// Four chains for each quarter of the strip.
template <bool runs>
INLINE Sums accumulate(const StripArguments& a, const uint8_t* x) {
  const int8_t* w = static_cast<const int8_t*>(a.values);
  int32x4_t s[4][4];
  repeat<16>(EACH(i) { s[i / 4][i % 4] = vdupq_n_s32(0); });
  repeat<4>(EACH(q) { s[0][q] = vld1q_s32(static_cast<const int32_t*>(a.bias) + 4 * q); });
  const auto add = [&](auto chain, int64_t g) __attribute__((always_inline)) {
    const int8x16_t v = vreinterpretq_s8_u32(vdupq_n_u32(centred<runs>(x, a.offsets + 4 * g)));
    repeat<4>(EACH(q) { s[chain][q] = vdotq_s32(s[chain][q], vld1q_s8(w + 64 * chain + 16 * q), v); });
  };
  int64_t g = 0;
  for (; g + 4 <= a.groups; g += 4, w += 256) repeat<4>(EACH(i) { add(i, g + i); });
  for (; g < a.groups; ++g, w += 64) add(Index<0>{}, g);
  Sums sums;
  repeat<4>(EACH(q) { sums.v[q] = vaddq_s32(vaddq_s32(s[0][q], s[1][q]), vaddq_s32(s[2][q], s[3][q])); });
  return sums;
}

}  // namespace

void linear_block16_runs_u8_u8_dotprod(const StripArguments& a) { run<accumulate<true>, uint8_t, uint8_t>(a); }
void linear_block16_runs_u8_f32_dotprod(const StripArguments& a) { run<accumulate<true>, uint8_t, float>(a); }
void linear_block16_rows_u8_u8_dotprod(const StripArguments& a) { run<accumulate<false>, uint8_t, uint8_t>(a); }
void linear_block16_rows_u8_f32_dotprod(const StripArguments& a) { run<accumulate<false>, uint8_t, float>(a); }

}  // namespace apus
#endif
