// A line of 16 staged float32 is a permutation of one or more windows of the source.
#if defined(__x86_64__)
#if !defined(__AVX512BW__)
#error "x86_avx512.cc is compiled without AVX-512 F, BW, DQ and VL"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include "kernels/planes/stage.h"

namespace apus {
namespace {

using Line = __m512;

inline Line padding_line(const StageArguments& a) { return _mm512_set1_ps(static_cast<float>(a.pad_value)); }
inline Line load_line(const char* staged) { return _mm512_load_ps(staged); }
inline void store_line(char* staged, Line line) { _mm512_store_ps(staged, line); }

// A piece in registers: read through a pointer, it would be read again for every channel.
struct Piece {
  Piece() = default;
  explicit Piece(const StagePiece& p)
      : index(_mm512_cvtepu8_epi32(_mm_load_si128(reinterpret_cast<const __m128i*>(p.index)))),
        mask(static_cast<__mmask16>(p.mask)),
        source(p.source) {}
  Line apply(Line line, const char* x) const {
    return _mm512_mask_permutexvar_ps(line, mask, index, _mm512_loadu_ps(x + source));
  }
  __m512i index;
  __mmask16 mask;
  int64_t source;
};

}  // namespace
}  // namespace apus

#include "kernels/planes/body.inc"

namespace apus {

void stage_planes_f32_avx512(const StageArguments& a) { stage_lines<Piece>(a); }

}  // namespace apus
#endif
