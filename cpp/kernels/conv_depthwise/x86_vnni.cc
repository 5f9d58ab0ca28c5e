// uint8 x int8 by vpdpbusd, a register being 16 positions and its four bytes four taps: sums are exact. Bytes go in and
// come out 64 positions at a time, by vectors in runs of four.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512VBMI__) || !defined(__AVX512VBMI2__)
#error "x86_vnni.cc is compiled without AVX-512 VNNI, VBMI and VBMI2"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/block16/strip.h"

namespace apus {
namespace {

#include "kernels/conv_depthwise/x86_avx512_store.inc"

INLINE __m128i load(const uint8_t* p) { return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p)); }

// 16 positions of four taps, [position][tap].
INLINE __m512i interleaved(const uint8_t* x, const int32_t* offsets, __m512i order) {
  const __m256i c01 = _mm256_inserti128_si256(_mm256_castsi128_si256(load(x + offsets[0])), load(x + offsets[1]), 1);
  const __m256i c23 = _mm256_inserti128_si256(_mm256_castsi128_si256(load(x + offsets[2])), load(x + offsets[3]), 1);
  return _mm512_permutex2var_epi8(_mm512_castsi256_si512(c01), order, _mm512_castsi256_si512(c23));
}

struct AddBytes {
  using Sum = __m512i;

  template <int N>
  static INLINE void add(const StripArguments& a, const PositionVector* vectors, __m512i (&sums)[N]) {
    const __m512i position = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
    const __m512i repeated = _mm512_mullo_epi32(position, _mm512_set1_epi32(0x01010101));
    const __m512i order = _mm512_add_epi8(repeated, _mm512_set1_epi32(0x50401000));
#pragma GCC unroll 4
    for (int i = 0; i < N; ++i) sums[i] = _mm512_set1_epi32(*static_cast<const int32_t*>(a.bias));
    for (int64_t g = 0; g < a.groups; ++g) {
      int32_t four;
      __builtin_memcpy(&four, static_cast<const int8_t*>(a.values) + 4 * g, 4);
      const __m512i weights = _mm512_set1_epi32(four);
#pragma GCC unroll 4
      for (int i = 0; i < N; ++i) {
        const uint8_t* x = static_cast<const uint8_t*>(a.x) + vectors[i].x;
        sums[i] = _mm512_dpbusd_epi32(sums[i], interleaved(x, a.offsets + 4 * g, order), weights);
      }
    }
  }
};

INLINE __m512i load_64(const uint8_t* p) { return _mm512_loadu_si512(p); }

// Four taps at 64 positions: lane l (128 bits) of sums[i] holds the positions 16 l + 4 i .. + 3.
INLINE void add_64(const StripArguments& a, const uint8_t* x, __m512i (&sums)[4]) {
  for (__m512i& sum : sums) sum = _mm512_set1_epi32(*static_cast<const int32_t*>(a.bias));
  const int32_t* offsets = a.offsets;
  for (int64_t g = 0; g < a.groups; ++g, offsets += 4) {
    int32_t four;
    __builtin_memcpy(&four, static_cast<const int8_t*>(a.values) + 4 * g, 4);
    const __m512i weights = _mm512_set1_epi32(four);
    const __m512i x0 = load_64(x + offsets[0]), x1 = load_64(x + offsets[1]);
    const __m512i x2 = load_64(x + offsets[2]), x3 = load_64(x + offsets[3]);
    const __m512i low01 = _mm512_unpacklo_epi8(x0, x1), high01 = _mm512_unpackhi_epi8(x0, x1);
    const __m512i low23 = _mm512_unpacklo_epi8(x2, x3), high23 = _mm512_unpackhi_epi8(x2, x3);
    sums[0] = _mm512_dpbusd_epi32(sums[0], _mm512_unpacklo_epi16(low01, low23), weights);
    sums[1] = _mm512_dpbusd_epi32(sums[1], _mm512_unpackhi_epi16(low01, low23), weights);
    sums[2] = _mm512_dpbusd_epi32(sums[2], _mm512_unpacklo_epi16(high01, high23), weights);
    sums[3] = _mm512_dpbusd_epi32(sums[3], _mm512_unpackhi_epi16(high01, high23), weights);
  }
}

// The packs undo what unpacking did to the order. Bounds as in store().
INLINE __m512i bytes_64(const __m512i (&sums)[4], const StripArguments& a) {
  const __m512 high = _mm512_set1_ps(a.high - static_cast<float>(a.y_zero_point));
  const __m512i zero = _mm512_set1_epi16(static_cast<short>(a.y_zero_point));
  __m512i rounded[4];
  for (int i = 0; i < 4; ++i) rounded[i] = _mm512_cvtps_epi32(_mm512_min_ps(scaled(sums[i], a), high));
  const __m512i low = _mm512_adds_epi16(_mm512_packs_epi32(rounded[0], rounded[1]), zero);
  const __m512i top = _mm512_adds_epi16(_mm512_packs_epi32(rounded[2], rounded[3]), zero);
  return _mm512_max_epu8(_mm512_packus_epi16(low, top), _mm512_set1_epi8(static_cast<char>(static_cast<int>(a.low))));
}

void run_64(const StripArguments& a) {
  for (int64_t i = 0; i < a.vector_count; i += 4) {
    const PositionVector* v = a.vectors + i;
    __m512i sums[4];
    add_64(a, static_cast<const uint8_t*>(a.x) + v->x, sums);
    const __m512i bytes = bytes_64(sums, a);
    uint8_t* y = static_cast<uint8_t*>(a.y) + v->y;
    const uint64_t keep = v[0].keep | uint64_t{v[1].keep} << 16 | uint64_t{v[2].keep} << 32 | uint64_t{v[3].keep} << 48;
    if (keep == ~uint64_t{0}) {
      _mm512_storeu_si512(y, bytes);
      continue;
    }
    const int count = v[0].count + v[1].count + v[2].count + v[3].count;
    _mm512_mask_storeu_epi8(y, (uint64_t{1} << count) - 1, _mm512_maskz_compress_epi8(keep, bytes));
  }
}

}  // namespace

void conv_depthwise_u8_u8_vnni(const StripArguments& a) { run_64(a); }
void conv_depthwise_u8_f32_vnni(const StripArguments& a) { run<AddBytes, float>(a); }

}  // namespace apus
#endif
