// The same product for every other number: float64, and integers that wrap around. One plain loop, for correctness.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

namespace apus {

template <class T>
struct MatmulAnyArguments {
  const T *a, *b;
  T* y;
  int64_t m, n, k, a_stride, b_stride, y_stride;
};

template <class T>
void matmul_any(const MatmulAnyArguments<T>& g) {
  using Sum = std::conditional_t<std::is_floating_point_v<T>, T, uint64_t>;
  for (int64_t i = 0; i < g.m; ++i) {
    T* row = g.y + i * g.y_stride;
    std::fill_n(row, g.n, T{});
    for (int64_t p = 0; p < g.k; ++p) {
      const Sum left = static_cast<Sum>(g.a[i * g.a_stride + p]);
      for (int64_t j = 0; j < g.n; ++j)
        row[j] = static_cast<T>(static_cast<Sum>(row[j]) + left * static_cast<Sum>(g.b[p * g.b_stride + j]));
    }
  }
}

}  // namespace apus
