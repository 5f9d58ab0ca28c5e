// A line of 64 staged bytes is looked up in one or more windows of the source; what an index beyond a window names is
// left as it was.
#if defined(__aarch64__)
#include <arm_neon.h>

#include "kernels/planes/stage.h"

namespace apus {
namespace {

using Line = uint8x16x4_t;

inline Line load_line(const char* staged) { return vld1q_u8_x4(reinterpret_cast<const uint8_t*>(staged)); }
inline void store_line(char* staged, const Line& line) { vst1q_u8_x4(reinterpret_cast<uint8_t*>(staged), line); }

// Padding of float32 is 0, as that of bytes whose zero point is.
inline Line padding_line(const StageArguments& a) {
  const uint8x16_t padding = vdupq_n_u8(static_cast<uint8_t>(a.pad_value));
  return {{padding, padding, padding, padding}};
}

// A piece in registers: read through a pointer, it would be read again for every channel.
struct Indices {
  Line index;
  int64_t source;
  Line apply(Line line, const char* x) const {
    const Line window = load_line(x + source);
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) line.val[i] = vqtbx4q_u8(line.val[i], window, index.val[i]);
    return line;
  }
};

// 255, where a bit of the mask is not set.
inline uint8x16_t unless(uint64_t mask) {
  const uint8x8_t bits = vcreate_u8(0x8040201008040201);
  const uint8x16_t here =
      vcombine_u8(vdup_n_u8(static_cast<uint8_t>(mask)), vdup_n_u8(static_cast<uint8_t>(mask >> 8)));
  return vmvnq_u8(vtstq_u8(here, vcombine_u8(bits, bits)));
}

struct BytePiece : Indices {
  BytePiece() = default;
  explicit BytePiece(const StagePiece& p) {
    source = p.source;
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) index.val[i] = vorrq_u8(vld1q_u8(p.index + 16 * i), unless(p.mask >> 16 * i));
  }
};

// The four bytes of a lane stand side by side, in the window as in the line.
struct FloatPiece : Indices {
  FloatPiece() = default;
  explicit FloatPiece(const StagePiece& p) {
    source = p.source;
    const uint8x16_t first = vshlq_n_u8(vld1q_u8(p.index), 2), absent = unless(p.mask);
    const uint8x16_t byte = vreinterpretq_u8_u32(vdupq_n_u32(0x03020100)), four = vdupq_n_u8(4);
    uint8x16_t lane = vcombine_u8(vcreate_u8(0x0101010100000000), vcreate_u8(0x0303030302020202));
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i, lane = vaddq_u8(lane, four))
      index.val[i] = vorrq_u8(vaddq_u8(vqtbl1q_u8(first, lane), byte), vqtbl1q_u8(absent, lane));
  }
};

}  // namespace
}  // namespace apus

#include "kernels/planes/body.inc"

namespace apus {

void stage_planes_u8_neon(const StageArguments& a) { stage_lines<BytePiece>(a); }
void stage_planes_f32_neon(const StageArguments& a) { stage_lines<FloatPiece>(a); }

}  // namespace apus
#endif
