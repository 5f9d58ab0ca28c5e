#include "kernels/along/along.h"

#include <algorithm>
#include <limits>
#include <numeric>
#include <type_traits>

namespace apus {
namespace {

template <class T>
T lowest() {
  if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::lowest();
}

template <class T>
T highest() {
  if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::max();
}

template <Folding fold, class T>
T start() {
  if constexpr (fold == Folding::max) return lowest<T>();
  if constexpr (fold == Folding::min) return highest<T>();
  return static_cast<T>(fold == Folding::prod);
}

template <Folding fold, class T>
T join(T a, T b) {
  if constexpr (fold == Folding::max) return a != a || a > b ? a : b;
  if constexpr (fold == Folding::min) return a != a || a < b ? a : b;
  if constexpr (std::is_floating_point_v<T>) return fold == Folding::sum ? a + b : a * b;
  if constexpr (std::is_same_v<T, bool>) return fold == Folding::sum ? a || b : a && b;
  const uint64_t p = static_cast<uint64_t>(a), q = static_cast<uint64_t>(b);
  return static_cast<T>(fold == Folding::sum ? p + q : p * q);
}

template <Folding fold, class T>
void fold_all(const void* x, void* y, Span3 s) {
  const T* from = static_cast<const T*>(x);
  T* to = static_cast<T*>(y);
  for (int64_t o = 0; o < s.outer; ++o) {
    T* row = to + o * s.inner;
    std::fill_n(row, s.inner, start<fold, T>());
    for (int64_t r = 0; r < s.count; ++r, from += s.inner)
      for (int64_t i = 0; i < s.inner; ++i) row[i] = join<fold, T>(row[i], from[i]);
  }
}

template <Folding fold, class T>
void accumulate(const void* x, void* y, Span3 s, bool exclusive, bool reverse) {
  for (int64_t o = 0; o < s.outer; ++o)
    for (int64_t i = 0; i < s.inner; ++i) {
      T sum = start<fold, T>();
      for (int64_t r = 0; r < s.count; ++r) {
        const int64_t at = (o * s.count + (reverse ? s.count - 1 - r : r)) * s.inner + i;
        const T before = sum;
        sum = join<fold, T>(sum, static_cast<const T*>(x)[at]);
        static_cast<T*>(y)[at] = exclusive ? before : sum;
      }
    }
}

// Whether a comes before b in the order sought.
template <bool largest, class T>
bool before(T a, T b) {
  if (b != b) return !largest && a == a;
  if (a != a) return largest;
  return largest ? a > b : a < b;
}

template <bool largest, class T>
void arg_all(const void* x, int64_t* y, Span3 s, bool last) {
  const T* from = static_cast<const T*>(x);
  for (int64_t o = 0; o < s.outer; ++o)
    for (int64_t i = 0; i < s.inner; ++i) {
      const T* column = from + o * s.count * s.inner + i;
      int64_t best = 0;
      for (int64_t r = 1; r < s.count; ++r) {
        const T value = column[r * s.inner], leader = column[best * s.inner];
        if (leader != leader) break;  // NaN wins
        if (value != value || before<largest>(value, leader) || (last && value == leader)) best = r;
      }
      y[o * s.inner + i] = best;
    }
}

template <bool largest, class T>
void top_all(const void* x, void* y, Span3 s, int64_t k, bool positions, int64_t* order) {
  for (int64_t o = 0; o < s.outer; ++o)
    for (int64_t i = 0; i < s.inner; ++i) {
      const T* column = static_cast<const T*>(x) + o * s.count * s.inner + i;
      std::iota(order, order + s.count, int64_t{0});
      std::partial_sort(order, order + k, order + s.count, [&](int64_t p, int64_t q) {
        const T a = column[p * s.inner], b = column[q * s.inner];
        return before<largest>(a, b) || (!before<largest>(b, a) && p < q);
      });
      for (int64_t j = 0; j < k; ++j) {
        const int64_t to = (o * k + j) * s.inner + i;
        if (positions) {
          static_cast<int64_t*>(y)[to] = order[j];
        } else {
          static_cast<T*>(y)[to] = column[order[j] * s.inner];
        }
      }
    }
}

// `make` is called with a value of the C++ type of `dtype`.
template <class Kernel, class Make>
Kernel by_type(Dtype dtype, Make make) {
  switch (dtype) {
    case Dtype::float32:
      return make(float{});
    case Dtype::float64:
      return make(double{});
    case Dtype::uint8:
      return make(uint8_t{});
    case Dtype::int8:
      return make(int8_t{});
    case Dtype::uint16:
      return make(uint16_t{});
    case Dtype::int16:
      return make(int16_t{});
    case Dtype::uint32:
      return make(uint32_t{});
    case Dtype::int32:
      return make(int32_t{});
    case Dtype::uint64:
      return make(uint64_t{});
    case Dtype::int64:
      return make(int64_t{});
    default:
      return make(bool{});
  }
}

template <Folding fold>
FoldKernel fold_of(Dtype dtype) {
  return by_type<FoldKernel>(dtype, [](auto zero) -> FoldKernel { return fold_all<fold, decltype(zero)>; });
}

template <Folding fold>
CumulativeKernel cumulative_of(Dtype dtype) {
  return by_type<CumulativeKernel>(dtype,
                                   [](auto zero) -> CumulativeKernel { return accumulate<fold, decltype(zero)>; });
}

template <bool largest>
ArgKernel arg_of(Dtype dtype) {
  return by_type<ArgKernel>(dtype, [](auto zero) -> ArgKernel { return arg_all<largest, decltype(zero)>; });
}

template <bool largest>
TopKernel top_of(Dtype dtype) {
  return by_type<TopKernel>(dtype, [](auto zero) -> TopKernel { return top_all<largest, decltype(zero)>; });
}

}  // namespace

FoldKernel fold_kernel(Folding fold, Dtype dtype) {
  switch (fold) {
    case Folding::sum:
      return fold_of<Folding::sum>(dtype);
    case Folding::prod:
      return fold_of<Folding::prod>(dtype);
    case Folding::max:
      return fold_of<Folding::max>(dtype);
    default:
      return fold_of<Folding::min>(dtype);
  }
}

CumulativeKernel cumulative_kernel(Folding fold, Dtype dtype) {
  return fold == Folding::sum ? cumulative_of<Folding::sum>(dtype) : cumulative_of<Folding::prod>(dtype);
}

ArgKernel arg_kernel(bool largest, Dtype dtype) { return largest ? arg_of<true>(dtype) : arg_of<false>(dtype); }

TopKernel top_kernel(bool largest, Dtype dtype) { return largest ? top_of<true>(dtype) : top_of<false>(dtype); }

}  // namespace apus
