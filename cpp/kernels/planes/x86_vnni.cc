// A line of 64 staged bytes is a byte permutation of one or more windows of the source.
#if defined(__x86_64__)
#if !defined(__AVX512VBMI__)
#error "x86_vnni.cc is compiled without AVX-512 VBMI"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/planes/stage.h"

namespace apus {
namespace {

using Line = __m512i;

inline Line padding_line(const StageArguments& a) { return _mm512_set1_epi8(static_cast<char>(a.pad_value)); }
inline Line load_line(const char* staged) { return _mm512_load_si512(staged); }
inline void store_line(char* staged, Line line) { _mm512_store_si512(staged, line); }

// A piece in registers: read through a pointer, it would be read again for every channel.
struct Piece {
  Piece() = default;
  explicit Piece(const StagePiece& p) : index(_mm512_load_si512(p.index)), mask(p.mask), source(p.source) {}
  Line apply(Line line, const char* x) const {
    return _mm512_mask_permutexvar_epi8(line, mask, index, _mm512_loadu_si512(x + source));
  }
  __m512i index;
  __mmask64 mask;
  int64_t source;
};

}  // namespace
}  // namespace apus

#include "kernels/planes/body.inc"

namespace apus {
namespace {

// Past its end a row leaves padding, which is also the padding before the next one.
inline void copy_row(const uint8_t* x, uint8_t* row, const StageRowsArguments& a, __m512i padding) {
  uint8_t* to = row + a.left;
  for (int64_t i = 0; i < a.width; i += 64) _mm512_storeu_si512(to + i, _mm512_loadu_si512(x + i));
  uint8_t* end = to + a.width < row + a.pitch ? to + a.width : row + a.pitch;
  _mm512_storeu_si512(end, padding);
}

}  // namespace

void stage_rows_u8_vnni(const StageRowsArguments& a) {
  const __m512i padding = _mm512_set1_epi8(static_cast<char>(a.pad_value));
  for (int64_t c = 0; c < a.channels; ++c) {
    const uint8_t* x = a.x + c * a.x_channel;
    uint8_t* row = a.staged + c * a.staged_channel;
    for (int64_t i = 0; i < a.left; i += 64) _mm512_storeu_si512(row + i, padding);
    for (int64_t r = 0; r < a.rows; ++r, row += a.pitch) {
      if (a.from[r] >= 0)
        copy_row(x + a.from[r], row, a, padding);
      else
        for (int64_t i = 0; i < a.pitch + a.left; i += 64) _mm512_storeu_si512(row + i, padding);
    }
  }
}

void stage_planes_u8_vnni(const StageArguments& a) { stage_lines<Piece>(a); }

}  // namespace apus
#endif
