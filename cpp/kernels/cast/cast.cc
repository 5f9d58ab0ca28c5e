#include "kernels/cast/cast.h"

#include <limits>
#include <type_traits>

#include "kernels/cast/half.h"

namespace apus {
namespace {

struct Half {
  uint16_t bits;
};

template <class To, class From>
To to_number(From value) {
  if constexpr (std::is_same_v<To, bool>) return value != From{};
  if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    const double low = static_cast<double>(std::numeric_limits<To>::min()),
                 high = static_cast<double>(std::numeric_limits<To>::max());
    const double d = static_cast<double>(value);
    if (!(d > low)) return std::numeric_limits<To>::min();
    return d >= high ? std::numeric_limits<To>::max() : static_cast<To>(value);
  }
  return static_cast<To>(value);
}

template <class To, class From>
To convert(From value) {
  if constexpr (std::is_same_v<From, To>) {
    return value;
  } else if constexpr (std::is_same_v<From, Half>) {
    return to_number<To>(half_to_float(value.bits));
  } else if constexpr (std::is_same_v<To, Half>) {
    return Half{float_to_half(round_to_odd(static_cast<double>(value)))};
  } else {
    return to_number<To>(value);
  }
}

template <class From, class To>
void cast_items(const void* x, void* y, int64_t n) {
  const From* from = static_cast<const From*>(x);
  To* to = static_cast<To*>(y);
  for (int64_t i = 0; i < n; ++i) to[i] = convert<To>(from[i]);
}

// Calls make(zero of the C++ type).
template <class Make>
CastKernel by_type(Dtype dtype, Make make) {
  switch (dtype) {
    case Dtype::float32:
      return make(float{});
    case Dtype::float64:
      return make(double{});
    case Dtype::float16:
      return make(Half{});
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
    case Dtype::boolean:
      return make(bool{});
  }
  return nullptr;
}

}  // namespace

CastKernel cast_kernel(Dtype from, Dtype to) {
  return by_type(from, [&](auto x) {
    return by_type(to, [](auto y) -> CastKernel { return cast_items<decltype(x), decltype(y)>; });
  });
}

}  // namespace apus
