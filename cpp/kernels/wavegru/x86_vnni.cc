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

template <int Group>
inline __attribute__((always_inline)) __m512i add_group(__m512i sum, const int32_t* lanes, const int8_t* value) {
  return _mm512_dpbusd_epi32(sum, _mm512_set1_epi32(lanes[Group]), _mm512_load_si512(value + 64 * Group));
}

// As many of 16 groups as `rest` says. Columns come back from memory, since loads repeat them by themselves: shuffles
// would crowd the one port that Intel's CPUs gather on.
template <int Quarter>
inline __attribute__((always_inline)) void add_groups(const int32_t* lanes, const int8_t* value, int64_t rest,
                                                      __m512i* sums) {
  constexpr int kFirst = 4 * Quarter;
  if (rest < kFirst + 4) {
    if (rest > kFirst) sums[0] = add_group<kFirst>(sums[0], lanes, value);
    if (rest > kFirst + 1) sums[1] = add_group<kFirst + 1>(sums[1], lanes, value);
    if (rest > kFirst + 2) sums[2] = add_group<kFirst + 2>(sums[2], lanes, value);
    return;
  }
  sums[0] = add_group<kFirst>(sums[0], lanes, value);
  sums[1] = add_group<kFirst + 1>(sums[1], lanes, value);
  sums[2] = add_group<kFirst + 2>(sums[2], lanes, value);
  sums[3] = add_group<kFirst + 3>(sums[3], lanes, value);
  if constexpr (Quarter < 3) add_groups<Quarter + 1>(lanes, value, rest, sums);
}

inline __attribute__((always_inline)) __m512i any_of(__m512i a, __m512i b, __m512i c) {
  return _mm512_ternarylogic_epi64(a, b, c, 0xFE);
}

template <int Pairs>
inline __attribute__((always_inline)) __m512i gathered(const __m512i* state, const WaveGruGather& gather) {
  const __m512i low = _mm512_load_si512(gather.low);
  __m512i part[8] = {};
#pragma GCC unroll 8
  for (int p = 0; p < Pairs; ++p) {
    part[p] = _mm512_maskz_permutex2var_epi8(gather.from[p], state[2 * p], low, state[2 * p + 1]);
  }
  const __m512i lanes = any_of(part[0], part[1], part[2]);
  if constexpr (Pairs <= 3) return lanes;
  const __m512i more = any_of(part[3], part[4], part[5]);
  if constexpr (Pairs <= 6) return _mm512_or_si512(lanes, more);
  return any_of(lanes, more, _mm512_or_si512(part[6], part[7]));
}

// Lanes are gathered one turn ahead of their use, so that products wait for nothing.
template <int Pairs>
inline __attribute__((always_inline)) void strips(const WaveGruMatrix& w, const uint8_t* x, float* y, int64_t first,
                                                  int64_t last) {
  __m512i state[2 * Pairs];
#pragma GCC unroll 16
  for (int i = 0; i < 2 * Pairs; ++i) state[i] = _mm512_loadu_si512(x + 64 * i);
  const WaveGruGather* gather = w.gather + w.gathers[first];
  alignas(64) int32_t lanes[2][16];
  int turn = 0;
  _mm512_store_si512(lanes[0], gathered<Pairs>(state, *gather));
  const WaveGruStrip* now = &wavegru_strip(w, first);
  for (int64_t strip = first; strip < last; ++strip) {
    const WaveGruStrip& s = *now;
    __m512i sums[4] = {_mm512_load_si512(s.offset), _mm512_setzero_si512(), _mm512_setzero_si512(),
                       _mm512_setzero_si512()};
    const int8_t* value = s.groups();
    for (int64_t rest = w.strips[strip + 1] - w.strips[strip]; rest > 0; rest -= 16) {
      _mm512_store_si512(lanes[turn ^= 1], gathered<Pairs>(state, *++gather));
      add_groups<0>(lanes[turn ^ 1], value, rest, sums);
      value += 64 * (rest < 16 ? rest : 16);
    }
    const __m512i sum = _mm512_add_epi32(_mm512_add_epi32(sums[0], sums[1]), _mm512_add_epi32(sums[2], sums[3]));
    const __m512 scaled = _mm512_mul_ps(_mm512_cvtepi32_ps(sum), _mm512_load_ps(s.scale));
    _mm512_storeu_ps(y + 16 * strip, _mm512_add_ps(scaled, _mm512_load_ps(s.bias)));
    now = reinterpret_cast<const WaveGruStrip*>(value);
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
