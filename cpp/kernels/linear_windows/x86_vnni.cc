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
// crosses a cache line. Only windows of chunks of 64 may hold more than one.
template <int kChunk>
INLINE void gather(__m512i low, __m512i high, const uint8_t* index, int64_t count, uint8_t* to) {
  if constexpr (kChunk == 16) {
    const __m128i places = _mm_loadu_si128(reinterpret_cast<const __m128i*>(index));
    const __m512i bytes = _mm512_permutex2var_epi8(low, _mm512_castsi128_si512(places), high);
    _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_castsi512_si128(bytes));
  } else if constexpr (kChunk == 32) {
    const __m256i places = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(index));
    const __m512i bytes = _mm512_permutex2var_epi8(low, _mm512_castsi256_si512(places), high);
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_castsi512_si256(bytes));
  } else {
    int64_t done = 0;
    do {
      const __m512i places = _mm512_loadu_si512(index + done);
      _mm512_storeu_si512(to + done, _mm512_permutex2var_epi8(low, places, high));
    } while (__builtin_expect((done += 64) < count, 0));
  }
}

constexpr int64_t kRoom = kWindowedInputs + 128;  // of a strip

// The strips of a batch side by side, so that a window stays in registers. Three zero groups follow each strip.
template <int kChunk>
INLINE void gather_batch(const WindowArguments& a, int64_t first, const uint8_t* counts, uint8_t* room) {
  const uint8_t* index[kBatch];
  int64_t at[kBatch] = {};
#pragma GCC unroll 4
  for (int64_t i = 0; i < kBatch; ++i)
    index[i] = a.index + int64_t{a.strips[first + i < a.strip_count ? first + i : a.strip_count]} * 4;
  for (int64_t from = 0; from < a.inputs; from += kWindow, counts += kBatch) {
    const uint8_t* x = a.x + from;
    const __m512i low = _mm512_loadu_si512(x), high = _mm512_loadu_si512(from + 64 < a.inputs ? x + 64 : x);
#pragma GCC unroll 4
    for (int i = 0; i < kBatch; ++i) {
      gather<kChunk>(low, high, index[i] + at[i], counts[i], room + i * kRoom + at[i]);
      at[i] += counts[i];
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < kBatch; ++i)
    _mm_storeu_si128(reinterpret_cast<__m128i*>(room + i * kRoom + at[i]), _mm_setzero_si128());
}

INLINE Int32x16 dot(Int32x16 sum, __m512i x, const int8_t* w) {
  return (Int32x16)_mm512_dpbusd_epi32((__m512i)sum, x, _mm512_loadu_si512(w));
}

INLINE __m512i bytes_of(const uint8_t* x) {
  int32_t four;
  __builtin_memcpy(&four, x, 4);
  return _mm512_set1_epi32(four);
}

// A matrix of which several fit into the L2 cache, in bytes. It comes from there, and faster when fetched ahead, so the
// ports that load are what is short: one load for the bytes of four groups, and a shuffle for each. One that comes from
// behind L2 is better left to the hardware (Zen 5: 1.1 instead of 1.2 us, but 2.7 instead of 2.5).
constexpr int64_t kNear = 128 << 10, kAhead = 2048;

// Four chains, for vpdpbusd takes four cycles. Whole fours of groups, for a tail would be mispredicted: what belongs to
// the next strip meets zeros. `exact`: nothing follows that may be read.
template <bool near>
INLINE __m512i accumulate(const uint8_t* x, const int8_t* w, int64_t groups, const int32_t* bias, bool exact) {
  Int32x16 s[4] = {(Int32x16)_mm512_loadu_si512(bias)};
  for (groups += exact ? 0 : 3; groups >= 4; groups -= 4, w += 256, x += 16) {
    __m512i v[4];
    if constexpr (near) {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) _mm_prefetch(reinterpret_cast<const char*>(w + kAhead + 64 * i), _MM_HINT_T0);
      const __m512i four = _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(x)));
      v[0] = _mm512_shuffle_epi32(four, _MM_PERM_AAAA), v[1] = _mm512_shuffle_epi32(four, _MM_PERM_BBBB);
      v[2] = _mm512_shuffle_epi32(four, _MM_PERM_CCCC), v[3] = _mm512_shuffle_epi32(four, _MM_PERM_DDDD);
    } else {
#pragma GCC unroll 4
      for (int i = 0; i < 4; ++i) v[i] = bytes_of(x + 4 * i);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) s[i] = dot(s[i], v[i], w + 64 * i);
  }
  for (; exact && groups > 0; --groups, w += 64, x += 4) s[0] = dot(s[0], bytes_of(x), w);
  return (__m512i)((s[0] + s[1]) + (s[2] + s[3]));
}

// Two rooms: of a near matrix a batch is gathered while the one before is summed up, whose bytes have left the store
// buffer by then. A load across several stores waits for all of them.
template <class Y, int kChunk>
INLINE void run_chunks(const WindowArguments& given) {
  const WindowArguments a = given;  // which no byte stored can change
  StripArguments end{};
  end.low = a.low, end.high = a.high, end.y_zero_point = a.y_zero_point;
  const int64_t windows = (a.inputs + kWindow - 1) / kWindow;
  const bool near = a.total_groups * 64 <= kNear;
  alignas(64) uint8_t rooms[2][kBatch * kRoom];
  if (near) gather_batch<kChunk>(a, 0, a.counts, rooms[0]);
  for (int64_t first = 0, turn = 0; first < a.strip_count; first += kBatch, turn ^= 1) {
    const int64_t next = first + kBatch, now = near ? next : first;
    if (now < a.strip_count) gather_batch<kChunk>(a, now, a.counts + now * windows, rooms[near ? turn ^ 1 : turn]);
    for (int64_t strip = first; strip < next && strip < a.strip_count; ++strip) {
      const int64_t group = a.strips[strip], groups = a.strips[strip + 1] - group;
      const bool exact = group + groups + 3 > a.total_groups;
      end.rows = strip + 1 < a.strip_count ? kStrip : a.last_rows;
      end.multiplier = a.multiplier + strip * kStrip;
      const uint8_t* x = rooms[turn] + (strip - first) * kRoom;
      const int8_t* w = a.values + group * 64;
      const int32_t* bias = a.bias + strip * kStrip;
      const __m512i sums =
          near ? accumulate<true>(x, w, groups, bias, exact) : accumulate<false>(x, w, groups, bias, exact);
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
