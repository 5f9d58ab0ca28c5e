#include "kernels/planes/transpose.h"

#include <algorithm>
#include <cstring>

namespace apus {
namespace {

// 16 bytes, in the compiler's own vector types: any processor has interleaving of two registers.
typedef uint8_t Bytes __attribute__((vector_size(16)));
typedef float Floats __attribute__((vector_size(16)));

Bytes low(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
}
Bytes high(Bytes a, Bytes b) {
  return __builtin_shufflevector(a, b, 8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
}
Floats low(Floats a, Floats b) { return __builtin_shufflevector(a, b, 0, 4, 1, 5); }
Floats high(Floats a, Floats b) { return __builtin_shufflevector(a, b, 2, 6, 3, 7); }

// One step interleaves v[i] with v[i + n / 2]; log2(n) steps transpose n vectors of n lanes.
template <int n, class V>
void interleave(V (&v)[n]) {
  V out[n];
  for (int i = 0; i < n / 2; ++i) {
    out[2 * i] = low(v[i], v[i + n / 2]);
    out[2 * i + 1] = high(v[i], v[i + n / 2]);
  }
  std::copy_n(out, n, v);
}

// n rows x n columns. Rows past the last one are the last one again: what they become is never stored from.
template <class V, class T, int n = 16 / sizeof(T)>
void tile(const T* x, T* planes, int64_t rows, int64_t columns, int64_t pitch, int64_t stored) {
  V v[n];
  for (int64_t i = 0; i < n; ++i) std::memcpy(&v[i], x + std::min(i, rows - 1) * columns, 16);
  for (int step = 1; step < n; step *= 2) interleave(v);
  if (stored >= n) {
    for (int i = 0; i < n; ++i) std::memcpy(planes + i * pitch, &v[i], 16);
  } else {
    for (int64_t i = 0; i < stored; ++i) std::memcpy(planes + i * pitch, &v[i], 16);
  }
}

// By whole cache lines of x: rows may lie 4 KiB apart, where a line would not survive until its next tile.
template <class V, class T>
void transpose(const T* x, T* planes, int64_t pitch, int64_t rows, int64_t columns, int64_t first, int64_t last) {
  constexpr int64_t n = 16 / sizeof(T), line = 64 / sizeof(T);
  for (int64_t start = first; start < last; start += line) {
    for (int64_t row = 0; row < rows; row += n) {
      for (int64_t k = start; k < std::min(last, start + line); k += n) {
        tile<V>(x + row * columns + k, planes + k * pitch + row, rows - row, columns, pitch, last - k);
      }
    }
  }
}

}  // namespace

void transpose_to_planes(const float* x, float* planes, int64_t pitch, int64_t rows, int64_t columns, int64_t first,
                         int64_t last) {
  transpose<Floats>(x, planes, pitch, rows, columns, first, last);
}

void transpose_to_planes(const uint8_t* x, uint8_t* planes, int64_t pitch, int64_t rows, int64_t columns, int64_t first,
                         int64_t last) {
  transpose<Bytes>(x, planes, pitch, rows, columns, first, last);
}

}  // namespace apus
