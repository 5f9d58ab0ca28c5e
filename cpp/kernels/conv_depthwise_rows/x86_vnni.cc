// uint8 x int8 by vpdpbusd on dwords of neighbouring pixels, 64 positions at a time: sums are exact.
#if defined(__x86_64__)
#if !defined(__AVX512VNNI__) || !defined(__AVX512VBMI__) || !defined(__AVX512VBMI2__)
#error "x86_vnni.cc is compiled without AVX-512 VNNI, VBMI and VBMI2"
#endif
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"  // GCC 12 finds some in its own intrinsics
#pragma GCC diagnostic ignored "-Wuninitialized"
#include <immintrin.h>

#include "kernels/conv_depthwise_rows/kernel.h"

#define INLINE inline __attribute__((always_inline))

namespace apus {
namespace {

// Where the packs of store() leave each position: sum j holds the positions 4i + j of stride 1, or 32 (j / 2) + 2i +
// j % 2 of stride 2, and lane i of it becomes byte 16 (i / 4) + 4j + i % 4.
struct alignas(64) Order {
  constexpr explicit Order(int stride) : of() {
    for (int p = 0; p < kRun; ++p) {
      const int i = stride == 1 ? p / 4 : p / 2 % 16, j = stride == 1 ? p % 4 : p / 32 * 2 + p % 2;
      of[p] = static_cast<uint8_t>(i / 4 * 16 + 4 * j + i % 4);
    }
  }
  uint8_t of[kRun];
};

constexpr Order kOrder[] = {Order(1), Order(2)};

INLINE __m512i load(const uint8_t* p) { return _mm512_loadu_si512(p); }
INLINE __m512i broadcast(const int32_t* p) { return _mm512_set1_epi32(*p); }

// One dword of a kernel row: x . (w0 w1 w2 w3), and x . (0 w0 w1 w2) where the stride is 1.
template <int kStride>
INLINE void add_dword(const uint8_t* x, const __m512i* w, __m512i (&sums)[4]) {
  if (kStride == 1) {
    const __m512i x0 = load(x), x2 = load(x + 2);
    sums[0] = _mm512_dpbusd_epi32(sums[0], x0, w[0]);
    sums[1] = _mm512_dpbusd_epi32(sums[1], x0, w[1]);
    sums[2] = _mm512_dpbusd_epi32(sums[2], x2, w[0]);
    sums[3] = _mm512_dpbusd_epi32(sums[3], x2, w[1]);
  } else {
    sums[0] = _mm512_dpbusd_epi32(sums[0], load(x), w[0]);
    sums[1] = _mm512_dpbusd_epi32(sums[1], load(x + 2), w[0]);
    sums[2] = _mm512_dpbusd_epi32(sums[2], load(x + 64), w[0]);
    sums[3] = _mm512_dpbusd_epi32(sums[3], load(x + 66), w[0]);
  }
}

// What follows the sums. Bounds are integers: the upper one comes before rounding, where it also keeps the conversion
// from overflowing.
struct Finish {
  explicit Finish(const RowArguments& a, int stride)
      : order(_mm512_load_si512(kOrder[stride - 1].of)),
        zero(_mm512_set1_epi16(static_cast<short>(a.y_zero_point))),
        low(_mm512_set1_epi8(static_cast<char>(static_cast<int>(a.low)))),
        high(_mm512_set1_ps(a.high - static_cast<float>(a.y_zero_point))) {}

  INLINE __m512i rounded(__m512i sums, __m512 multiplier) const {
    return _mm512_cvtps_epi32(_mm512_min_ps(_mm512_mul_ps(_mm512_cvtepi32_ps(sums), multiplier), high));
  }
  INLINE __m512i bytes(const __m512i (&sums)[4], __m512 multiplier) const {
    const __m512i r01 = _mm512_packs_epi32(rounded(sums[0], multiplier), rounded(sums[1], multiplier));
    const __m512i r23 = _mm512_packs_epi32(rounded(sums[2], multiplier), rounded(sums[3], multiplier));
    const __m512i q = _mm512_packus_epi16(_mm512_adds_epi16(r01, zero), _mm512_adds_epi16(r23, zero));
    return _mm512_permutexvar_epi8(order, _mm512_max_epu8(q, low));
  }

  __m512i order, zero, low;
  __m512 high;
};

// What a whole store writes too much is written over by the runs that follow, up to the plane's last 64 bytes.
INLINE void store(__m512i bytes, const RowRun& run, uint8_t* y, int64_t plane) {
  if (run.keep != ~uint64_t{0}) bytes = _mm512_maskz_compress_epi8(run.keep, bytes);
  if (run.y + kRun <= plane) return _mm512_storeu_si512(y + run.y, bytes);
  const int count = __builtin_popcountll(run.keep);
  _mm512_mask_storeu_epi8(y + run.y, count == kRun ? ~uint64_t{0} : (uint64_t{1} << count) - 1, bytes);
}

// One output, its weights held in registers.
template <int kStride, int kRows, int kDwords>
struct Held {
  static constexpr int kEach = 2 / kStride, kCount = kRows * kDwords * kEach;

  Held(const RowArguments&, const int32_t* weights) {
#pragma GCC unroll 32
    for (int i = 0; i < kCount; ++i) w[i] = broadcast(weights + i);
  }
  INLINE void add(const RowArguments&, const int32_t* rows, const uint8_t* x, __m512i (&sums)[4]) const {
#pragma GCC unroll 8
    for (int row = 0; row < kRows; ++row) {
#pragma GCC unroll 4
      for (int d = 0; d < kDwords; ++d)
        add_dword<kStride>(x + rows[row] + 4 * d, w + (row * kDwords + d) * kEach, sums);
    }
  }

  __m512i w[kCount];
};

// One output of any kernel, its weights read again for every run.
template <int kStride>
struct Read {
  static constexpr int kEach = 2 / kStride;

  Read(const RowArguments&, const int32_t* weights) : w(weights) {}
  INLINE void add(const RowArguments& a, const int32_t* rows, const uint8_t* x, __m512i (&sums)[4]) const {
    const int32_t* at = w;
    for (int64_t row = 0; row < a.kernel_rows; ++row) {
      for (int64_t d = 0; d < a.dwords; ++d, at += kEach) {
        const __m512i four[2] = {broadcast(at), broadcast(at + kEach - 1)};
        add_dword<kStride>(x + rows[row] + 4 * d, four, sums);
      }
    }
  }

  const int32_t* w;
};

template <int kStride, class Weights>
INLINE void run(const RowArguments& a) {
  const Finish finish(a, kStride);
  const int64_t each = a.kernel_rows * a.dwords * (2 / kStride);
  for (int64_t m = 0; m < a.outputs; ++m) {
    const uint8_t* x = a.x + (a.multiple == 1 ? m : (a.first + m) / a.multiple) * a.x_channel;
    uint8_t* y = a.y + m * a.y_plane;
    const Weights weights(a, a.weights + m * each);
    const __m512i bias = broadcast(a.bias + m);
    const __m512 multiplier = _mm512_set1_ps(a.multiplier[m]);
    for (int64_t i = 0; i < a.run_count; ++i) {
      __m512i sums[4] = {bias, bias, bias, bias};
      weights.add(a, a.rows, x + a.runs[i].x, sums);
      store(finish.bytes(sums, multiplier), a.runs[i], y, a.y_plane);
    }
  }
}

template <int kStride>
void run_stride(const RowArguments& a) {
  constexpr int kFive = 2;  // dwords of five taps, by either stride
  if (a.kernel_rows == 3 && a.dwords == 1)
    run<kStride, Held<kStride, 3, 1>>(a);
  else if (a.kernel_rows == 5 && a.dwords == kFive)
    run<kStride, Held<kStride, 5, kFive>>(a);
  else
    run<kStride, Read<kStride>>(a);
}

}  // namespace

void conv_depthwise_rows_u8_u8_vnni(const RowArguments& a) { a.stride == 1 ? run_stride<1>(a) : run_stride<2>(a); }

}  // namespace apus
#endif
