// A line of 64 staged bytes is a byte permutation of one or more windows of the source. Lines outside, channels inside:
// the permutations of a line stay in registers.
#if defined(__x86_64__)
#if !defined(__AVX512VBMI__)
#error "x86_vnni.cc is compiled without AVX-512 VBMI"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/planes/stage.h"

namespace apus {
namespace {

inline __m512i apply(__m512i line, const StagePiece& piece, const char* x) {
  const __m512i source = _mm512_loadu_si512(x + piece.source);
  return _mm512_mask_permutexvar_epi8(line, piece.mask, _mm512_load_si512(piece.index), source);
}

template <int N>
inline void stage_line(const StageArguments& a, const StagePiece* pieces, int64_t count, char* staged) {
  const __m512i padding = _mm512_set1_epi8(static_cast<char>(a.pad_value));
  const char* x = a.x;
  for (int64_t c = 0; c < a.channels; ++c, x += a.x_channel, staged += a.staged_channel) {
    __m512i line = padding;
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) line = apply(line, pieces[i], x);
    for (int64_t i = N; i < count; ++i) line = apply(line, pieces[i], x);
    _mm512_store_si512(staged, line);
  }
}

}  // namespace

void stage_planes_u8_vnni(const StageArguments& a) {
  for (int64_t i = 0; i < a.line_count; ++i) {
    const StagePiece* pieces = a.pieces + a.lines[i].first;
    const int64_t count = a.lines[i].count;
    if (count == 0) stage_line<0>(a, pieces, 0, a.staged + 64 * i);
    else if (count == 1) stage_line<1>(a, pieces, 1, a.staged + 64 * i);
    else if (count == 2) stage_line<2>(a, pieces, 2, a.staged + 64 * i);
    else if (count == 3) stage_line<3>(a, pieces, 3, a.staged + 64 * i);
    else stage_line<4>(a, pieces, count, a.staged + 64 * i);
  }
}

}  // namespace apus
#endif
