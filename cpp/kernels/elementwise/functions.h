// The functions of table.inc, one struct each: `of` takes and gives elements of one type.
#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>

namespace apus::elementwise {

template <class T>
inline constexpr bool kIsReal = std::is_floating_point_v<T>;

// Integer arithmetic in the unsigned type, which wraps around without being undefined.
template <class T>
using Wrap = std::make_unsigned_t<std::conditional_t<std::is_integral_v<T> && !std::is_same_v<T, bool>, T, int>>;

template <class T>
T divide_integers(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>)
    if (b == T{-1}) return static_cast<T>(Wrap<T>{0} - static_cast<Wrap<T>>(a));
  return static_cast<T>(a / b);
}

template <class T>
T remainder_integers(T a, T b) {
  if (b == 0) return 0;
  if constexpr (std::is_signed_v<T>)
    if (b == T{-1}) return 0;
  return static_cast<T>(a % b);
}

template <class T>
T power_integers(T base, T exponent) {
  if constexpr (std::is_signed_v<T>)
    if (exponent < 0) return base == 1 ? T{1} : base == -1 ? ((exponent & 1) ? T{-1} : T{1}) : T{0};
  uint64_t result = 1, square = static_cast<uint64_t>(base);
  for (auto left = static_cast<std::make_unsigned_t<T>>(exponent); left != 0;
       left = static_cast<decltype(left)>(left >> 1)) {
    if (left & 1) result *= square;
    square *= square;
  }
  return static_cast<T>(result);
}

#define APUS_UNARY(name, expression) \
  struct name {                      \
    template <class T>               \
    static T of(T a) {               \
      return (expression);           \
    }                                \
  };
#define APUS_BINARY(name, expression) \
  struct name {                       \
    template <class T>                \
    static T of(T a, T b) {           \
      return (expression);            \
    }                                 \
  };
#define APUS_TEST(name, expression) \
  struct name {                     \
    template <class T>              \
    static bool of(T a, T b) {      \
      return (expression);          \
    }                               \
  };

APUS_UNARY(f_copy, a)
APUS_UNARY(f_neg, kIsReal<T> ? static_cast<T>(-a) : static_cast<T>(Wrap<T>{0} - static_cast<Wrap<T>>(a)))
APUS_UNARY(f_floor, std::floor(a))
APUS_UNARY(f_ceil, std::ceil(a))
APUS_UNARY(f_round, std::nearbyint(a))
APUS_UNARY(f_sqrt, std::sqrt(a))
APUS_UNARY(f_reciprocal, T{1} / a)
APUS_UNARY(f_exp, std::exp(a))
APUS_UNARY(f_log, std::log(a))
APUS_UNARY(f_erf, std::erf(a))
APUS_UNARY(f_sin, std::sin(a))
APUS_UNARY(f_cos, std::cos(a))
APUS_UNARY(f_tan, std::tan(a))
APUS_UNARY(f_asin, std::asin(a))
APUS_UNARY(f_acos, std::acos(a))
APUS_UNARY(f_atan, std::atan(a))
APUS_UNARY(f_sinh, std::sinh(a))
APUS_UNARY(f_cosh, std::cosh(a))
APUS_UNARY(f_tanh, std::tanh(a))
APUS_UNARY(f_asinh, std::asinh(a))
APUS_UNARY(f_acosh, std::acosh(a))
APUS_UNARY(f_atanh, std::atanh(a))
APUS_UNARY(f_logical_not, !a)
APUS_UNARY(f_bit_not, static_cast<T>(~a))

struct f_abs {
  template <class T>
  static T of(T a) {
    if constexpr (kIsReal<T>) return std::fabs(a);
    if constexpr (std::is_signed_v<T>) return a < 0 ? f_neg::of(a) : a;
    return a;
  }
};
struct f_sign {
  template <class T>
  static T of(T a) {
    if (a != a) return a;
    if constexpr (std::is_unsigned_v<T>) return a > 0;
    return static_cast<T>((a > T{0}) - (a < T{0}));
  }
};
struct f_is_nan {
  template <class T>
  static bool of(T a) {
    return a != a;
  }
};
struct f_is_inf {
  template <class T>
  static bool of(T a) {
    return std::fabs(a) == std::numeric_limits<T>::infinity();
  }
};

#define APUS_ARITHMETIC(name, op)                                                  \
  struct name {                                                                    \
    template <class T>                                                             \
    static T of(T a, T b) {                                                        \
      if constexpr (kIsReal<T>) return a op b;                                     \
      return static_cast<T>(static_cast<uint64_t>(a) op static_cast<uint64_t>(b)); \
    }                                                                              \
  };
APUS_ARITHMETIC(f_add, +)
APUS_ARITHMETIC(f_sub, -)
APUS_ARITHMETIC(f_mul, *)

struct f_div {
  template <class T>
  static T of(T a, T b) {
    if constexpr (kIsReal<T>)
      return a / b;
    else
      return divide_integers(a, b);
  }
};
struct f_fmod {
  template <class T>
  static T of(T a, T b) {
    if constexpr (kIsReal<T>)
      return std::fmod(a, b);
    else
      return remainder_integers(a, b);
  }
};
struct f_mod {
  template <class T>
  static T of(T a, T b) {
    const T r = f_fmod::of(a, b);
    return r != T{0} && (r < T{0}) != (b < T{0}) ? static_cast<T>(r + b) : r;
  }
};
struct f_pow {
  template <class T>
  static T of(T a, T b) {
    if constexpr (kIsReal<T>)
      return std::pow(a, b);
    else
      return power_integers(a, b);
  }
};
APUS_BINARY(f_max, a != a || a > b ? a : b)
APUS_BINARY(f_min, a != a || a < b ? a : b)
APUS_BINARY(f_bit_and, static_cast<T>(a& b))
APUS_BINARY(f_bit_or, static_cast<T>(a | b))
APUS_BINARY(f_bit_xor, static_cast<T>(a ^ b))
struct f_shift_left {
  template <class T>
  static T of(T a, T b) {
    const auto by = static_cast<uint64_t>(b);
    return by < 8 * sizeof(T) ? static_cast<T>(static_cast<uint64_t>(a) << by) : T{0};
  }
};
struct f_shift_right {
  template <class T>
  static T of(T a, T b) {
    const auto by = static_cast<uint64_t>(b);
    if (by < 8 * sizeof(T)) return static_cast<T>(a >> by);
    return a < T{0} ? static_cast<T>(~T{0}) : T{0};
  }
};
APUS_BINARY(f_logical_and, a&& b)
APUS_BINARY(f_logical_or, a || b)
APUS_BINARY(f_logical_xor, a != b)
APUS_TEST(f_equal, a == b)
APUS_TEST(f_less, a < b)
APUS_TEST(f_less_or_equal, a <= b)

#undef APUS_UNARY
#undef APUS_BINARY
#undef APUS_TEST
#undef APUS_ARITHMETIC

}  // namespace apus::elementwise
