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

// A piece in registers: read through a pointer, it would be read again for every channel.
struct Piece {
  Piece() = default;
  explicit Piece(const StagePiece& p) : index(_mm512_load_si512(p.index)), mask(p.mask), source(p.source) {}
  __m512i apply(__m512i line, const char* x) const {
    return _mm512_mask_permutexvar_epi8(line, mask, index, _mm512_loadu_si512(x + source));
  }
  __m512i index;
  __mmask64 mask;
  int64_t source;
};

// The first N pieces of a line, on padding or on what earlier ones left.
template <int N, bool first>
inline void stage_pieces(const StageArguments& a, const StagePiece* pieces, char* staged) {
  const __m512i padding = _mm512_set1_epi8(static_cast<char>(a.pad_value));
  const char* x = a.x;
  Piece p[N ? N : 1];
#pragma GCC unroll 4
  for (int i = 0; i < N; ++i) p[i] = Piece(pieces[i]);
  for (int64_t c = 0; c < a.channels; ++c, x += a.x_channel, staged += a.staged_channel) {
    __m512i line = first ? padding : _mm512_load_si512(staged);
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) line = p[i].apply(line, x);
    _mm512_store_si512(staged, line);
  }
}

template <bool first>
inline void stage_upto_4(const StageArguments& a, const StagePiece* pieces, int64_t count, char* staged) {
  if (count <= 0)
    stage_pieces<0, first>(a, pieces, staged);
  else if (count == 1)
    stage_pieces<1, first>(a, pieces, staged);
  else if (count == 2)
    stage_pieces<2, first>(a, pieces, staged);
  else if (count == 3)
    stage_pieces<3, first>(a, pieces, staged);
  else
    stage_pieces<4, first>(a, pieces, staged);
}

}  // namespace

void stage_planes_u8_vnni(const StageArguments& a) {
  for (int64_t i = 0; i < a.line_count; ++i) {
    const StagePiece* pieces = a.pieces + a.lines[i].first;
    const int64_t count = a.lines[i].count;
    char* staged = a.staged + 64 * i;
    stage_upto_4<true>(a, pieces, count, staged);
    for (int64_t done = 4; done < count; done += 4) stage_upto_4<false>(a, pieces + done, count - done, staged);
  }
}

}  // namespace apus
#endif
