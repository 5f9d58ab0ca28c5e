// A square of elements turned over in registers: 16 bytes a row, of any element size, on every ISA.
#pragma once

#include <cstdint>
#include <cstring>
#include <utility>

namespace apus {

// y[i * to + j] = x[j * from + i], 0 <= i, j < kSide.
template <class T>
struct Tile {
  static constexpr int kSide = 16 / sizeof(T);

  static void turn(const T* x, int64_t from, T* y, int64_t to) {
    Row rows[kSide];
    for (int i = 0; i < kSide; ++i) std::memcpy(&rows[i], x + i * from, sizeof(Row));
    for (int step = 1; step < kSide; step *= 2) shuffle(rows);
    for (int i = 0; i < kSide; ++i) std::memcpy(y + i * to, &rows[i], sizeof(Row));
  }

 private:
  typedef T Row __attribute__((vector_size(16)));

  // Rows i and i + kSide / 2 alternate: after log2(kSide) times rows are columns.
  static void shuffle(Row* rows) {
    Row next[kSide];
    for (int i = 0; i < kSide / 2; ++i) {
      next[2 * i] = alternate<0>(rows[i], rows[i + kSide / 2], std::make_integer_sequence<int, kSide>());
      next[2 * i + 1] = alternate<kSide / 2>(rows[i], rows[i + kSide / 2], std::make_integer_sequence<int, kSide>());
    }
    std::memcpy(rows, next, sizeof(next));
  }

  template <int first, int... i>
  static Row alternate(Row a, Row b, std::integer_sequence<int, i...>) {
    return __builtin_shufflevector(a, b, (first + i / 2 + (i % 2) * kSide)...);
  }
};

}  // namespace apus
