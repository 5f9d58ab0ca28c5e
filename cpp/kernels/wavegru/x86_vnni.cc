// The whole quantised state lies in registers, 128 bytes to a pair; a permutation of two registers picks 64 columns of
// a strip from each pair, and masks choose which pair a lane takes from. So a scattered column costs an eighth of an
// instruction, and four of them feed one vpdpbusd.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512VBMI__)
#error "x86_vnni.cc needs -mavx512vnni -mavx512vbmi"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/wavegru/body.inc"

namespace apus {
namespace {

constexpr int kGathered = 64;  // columns, 16 groups of four

template <int Pairs>
inline __attribute__((always_inline)) void strips(const WaveGruMatrix& w, const uint8_t* x, float* y, int64_t first,
                                                  int64_t last) {
  const int8_t* values = static_cast<const int8_t*>(w.values);
  __m512i state[2 * Pairs];
#pragma GCC unroll 16
  for (int i = 0; i < 2 * Pairs; ++i) state[i] = _mm512_loadu_si512(x + 64 * i);
  alignas(64) uint8_t gathered[2][kGathered];
  for (int64_t strip = first; strip < last; ++strip) {
    const int64_t m = 16 * strip;
    __m512i sums[4] = {_mm512_loadu_si512(w.offset + m), _mm512_setzero_si512(), _mm512_setzero_si512(),
                       _mm512_setzero_si512()};
    int64_t g = w.strips[strip];
    const int64_t end = w.strips[strip + 1];
    for (int64_t n = w.gathers[strip]; n < w.gathers[strip + 1]; ++n) {
      __m512i lanes = _mm512_loadu_si512(w.gather_low + kGathered * n);
#pragma GCC unroll 8
      for (int p = 0; p < Pairs; ++p) {
        lanes = _mm512_mask2_permutex2var_epi8(state[2 * p], lanes, w.gather_from[8 * n + p], state[2 * p + 1]);
      }
      uint8_t* four = gathered[n & 1];
      _mm512_store_si512(four, lanes);
      const int64_t stop = g + 16 < end ? g + 16 : end;
      for (; g + 4 <= stop; g += 4, four += 16) {
#pragma GCC unroll 4
        for (int i = 0; i < 4; ++i) {
          const __m512i factor = _mm512_set1_epi32(*reinterpret_cast<const int*>(four + 4 * i));
          sums[i] = _mm512_dpbusd_epi32(sums[i], factor, _mm512_loadu_si512(values + 64 * (g + i)));
        }
      }
      for (; g < stop; ++g, four += 4) {
        const __m512i factor = _mm512_set1_epi32(*reinterpret_cast<const int*>(four));
        sums[0] = _mm512_dpbusd_epi32(sums[0], factor, _mm512_loadu_si512(values + 64 * g));
      }
    }
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3]));
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_loadu_ps(w.scale + m));
    _mm512_storeu_ps(y + m, _mm512_add_ps(scaled, _mm512_loadu_ps(w.bias + m)));
  }
}

void block_s8(const WaveGruMatrix& w, const void* input, float* y, int64_t first, int64_t last) {
  const uint8_t* x = static_cast<const uint8_t*>(input);
  switch ((w.inputs + 127) / 128) {
    case 1:
      return strips<1>(w, x, y, first, last);
    case 2:
      return strips<2>(w, x, y, first, last);
    case 3:
      return strips<3>(w, x, y, first, last);
    case 4:
      return strips<4>(w, x, y, first, last);
    case 5:
      return strips<5>(w, x, y, first, last);
    case 6:
      return strips<6>(w, x, y, first, last);
    case 7:
      return strips<7>(w, x, y, first, last);
    default:
      return strips<8>(w, x, y, first, last);
  }
}

}  // namespace

extern const WaveGruTable wavegru_vnni;
constinit const WaveGruTable wavegru_vnni = make_wavegru_table(Isa::vnni, block_s8);

}  // namespace apus
#endif
