// Gather by vpermi2b, sum by vpdpbusd.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512VBMI__)
#error "x86_vnni.cc is compiled without AVX-512 VNNI and VBMI"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#include <immintrin.h>

#include "kernels/block16/strip.h"
#include "kernels/linear_windows/kernel.h"

namespace apus {
namespace {

#include "kernels/linear_block16/x86_avx512_store.inc"

typedef int32_t Int32x16 __attribute__((vector_size(64)));  // the instruction's type: GCC 12 copies others

// The bytes of a strip's columns in one window, to `to`. kChunk is what one store writes: the less, the seldomer it
// crosses a cache line.
template <int kChunk>
INLINE void gather(__m512i low, __m512i high, const uint8_t* index, int64_t count, uint8_t* to) {
  int64_t done = 0;
  do {
    if constexpr (kChunk == 64) {
      const __m512i places = _mm512_loadu_si512(index + done);
      _mm512_storeu_si512(to + done, _mm512_permutex2var_epi8(low, places, high));
    } else if constexpr (kChunk == 32) {
      const __m256i places = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index + done));
      const __m512i bytes = _mm512_permutex2var_epi8(low, _mm512_castsi256_si512(places), high);
      _mm256_storeu_si256(reinterpret_cast<__m256i*>(to + done), _mm512_castsi512_si256(bytes));
    } else {
      const __m128i places = _mm_loadu_si128(reinterpret_cast<const __m128i*>(index + done));
      const __m512i bytes = _mm512_permutex2var_epi8(low, _mm512_castsi128_si512(places), high);
      _mm_storeu_si128(reinterpret_cast<__m128i*>(to + done), _mm512_castsi512_si128(bytes));
    }
  } while (__builtin_expect((done += kChunk) < count, 0));
}

constexpr int64_t kRoom = kWindowedInputs + 128;  // of a strip

// The strips of a batch side by side: a window stays in registers, and a strip's bytes have left the store buffer when
// they are loaded, four by four, across what single stores wrote. Three zero groups follow each strip.
template <int kChunk>
INLINE void gather_batch(const WindowArguments& a, const uint8_t* const* starts, const uint8_t* counts, uint8_t* room) {
  const uint8_t* index[kBatch] = {starts[0], starts[1], starts[2], starts[3]};
  uint8_t* to[kBatch] = {room, room + kRoom, room + 2 * kRoom, room + 3 * kRoom};
  for (int64_t from = 0; from < a.inputs; from += kWindow, counts += kBatch) {
    const uint8_t* x = a.x + from;
    const __m512i low = _mm512_loadu_si512(x), high = _mm512_loadu_si512(from + 64 < a.inputs ? x + 64 : x);
#pragma GCC unroll 4
    for (int i = 0; i < kBatch; ++i) {
      gather<kChunk>(low, high, index[i], counts[i], to[i]);
      index[i] += counts[i];
      to[i] += counts[i];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kBatch; ++i) _mm_storeu_si128(reinterpret_cast<__m128i*>(to[i]), _mm_setzero_si128());
}

INLINE Int32x16 dot(Int32x16 sum, const uint8_t* x, const int8_t* w) {
  int32_t four;
  __builtin_memcpy(&four, x, 4);
  return (Int32x16)_mm512_dpbusd_epi32((__m512i)sum, _mm512_set1_epi32(four), _mm512_loadu_si512(w));
}

// Four chains: two loads a group allow one vpdpbusd a cycle, and it takes four. Whole fours of groups, for a tail would
// be mispredicted: what belongs to the next strip meets zeros. `exact`: nothing follows that may be read.
INLINE __m512i accumulate(const uint8_t* x, const int8_t* w, int64_t groups, const int32_t* bias, bool exact) {
  Int32x16 s[4] = {(Int32x16)_mm512_loadu_si512(bias)};
  for (groups += exact ? 0 : 3; groups >= 4; groups -= 4, w += 256, x += 16) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) s[i] = dot(s[i], x + 4 * i, w + 64 * i);
  }
  for (; exact && groups > 0; --groups, w += 64, x += 4) s[0] = dot(s[0], x, w);
  return (__m512i)((s[0] + s[1]) + (s[2] + s[3]));
}

template <class Y, int kChunk>
INLINE void run_chunks(const WindowArguments& a) {
  StripArguments end{};
  end.low = a.low, end.high = a.high, end.y_zero_point = a.y_zero_point;
  const int64_t windows = (a.inputs + kWindow - 1) / kWindow;
  alignas(64) uint8_t room[kBatch * kRoom];
  for (int64_t first = 0; first < a.strip_count; first += kBatch) {
    const uint8_t* starts[kBatch];
    for (int64_t i = 0; i < kBatch; ++i) {
      starts[i] = a.index + int64_t{a.strips[first + i < a.strip_count ? first + i : a.strip_count]} * 4;
    }
    gather_batch<kChunk>(a, starts, a.counts + first * windows, room);
    for (int64_t strip = first; strip < first + kBatch && strip < a.strip_count; ++strip) {
      const int64_t group = a.strips[strip], groups = a.strips[strip + 1] - group;
      const bool exact = group + groups + 3 > a.total_groups;
      end.rows = strip + 1 < a.strip_count ? kStrip : a.last_rows;
      end.multiplier = a.multiplier + strip * kStrip;
      const __m512i sums =
          accumulate(room + (strip - first) * kRoom, a.values + group * 64, groups, a.bias + strip * kStrip, exact);
      store(sums, end, static_cast<Y*>(a.y) + strip * kStrip);
    }
  }
}

template <class Y>
INLINE void run(const WindowArguments& a) {
  if (a.chunk == 16) return run_chunks<Y, 16>(a);
  if (a.chunk == 32) return run_chunks<Y, 32>(a);
  run_chunks<Y, 64>(a);
}

}  // namespace

void linear_windows_u8_u8_vnni(const WindowArguments& a) { run<uint8_t>(a); }
void linear_windows_u8_f32_vnni(const WindowArguments& a) { run<float>(a); }

}  // namespace apus
#endif
