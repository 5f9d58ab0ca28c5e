#include "kernels/elementwise/elementwise.h"

#include <iterator>

#include "kernels/elementwise/functions.h"

namespace apus {
namespace {

constexpr ElementwiseRow kRows[] = {
#define APUS_ELEMENTWISE(name, arity, result, types) {#name, arity, Result::result, types},
#include "kernels/elementwise/table.inc"
#undef APUS_ELEMENTWISE
};

template <class F, class T>
void map_one(const void* a, const void*, const void*, void* y, int64_t n, const int64_t* steps) {
  using Y = decltype(F::of(T{}));
  const T* pa = static_cast<const T*>(a);
  for (int64_t i = 0; i < n; ++i) static_cast<Y*>(y)[i] = F::of(pa[i * steps[0]]);
}

template <class F, class T>
void map_two(const void* a, const void* b, const void*, void* y, int64_t n, const int64_t* steps) {
  using Y = decltype(F::of(T{}, T{}));
  const T *pa = static_cast<const T*>(a), *pb = static_cast<const T*>(b);
  for (int64_t i = 0; i < n; ++i) static_cast<Y*>(y)[i] = F::of(pa[i * steps[0]], pb[i * steps[1]]);
}

template <class T>
void choose(const void* a, const void* b, const void* c, void* y, int64_t n, const int64_t* steps) {
  const uint8_t* condition = static_cast<const uint8_t*>(a);
  const T *yes = static_cast<const T*>(b), *no = static_cast<const T*>(c);
  for (int64_t i = 0; i < n; ++i)
    static_cast<T*>(y)[i] = condition[i * steps[0]] != 0 ? yes[i * steps[1]] : no[i * steps[2]];
}

template <class F, int arity, uint16_t types, class T>
constexpr ElementwiseKernel pick(Dtype dtype) {
  if constexpr (arity == 1) return map_one<F, T>;
  if constexpr (arity == 2) return map_two<F, T>;
  return nullptr;
}

// The kernel of F for `dtype`, or nullptr where `types` lacks it: nothing is compiled for those.
template <class F, int arity, uint16_t types>
ElementwiseKernel find(Dtype dtype) {
#define APUS_CASE(enumerator, type)                              \
  case Dtype::enumerator:                                        \
    if constexpr ((types & dtype_bit(Dtype::enumerator)) != 0) { \
      return pick<F, arity, types, type>(dtype);                 \
    }                                                            \
    return nullptr;
  switch (dtype) {
    APUS_CASE(float32, float)
    APUS_CASE(float64, double)
    APUS_CASE(uint8, uint8_t)
    APUS_CASE(int8, int8_t)
    APUS_CASE(int16, int16_t)
    APUS_CASE(uint16, uint16_t)
    APUS_CASE(int32, int32_t)
    APUS_CASE(uint32, uint32_t)
    APUS_CASE(int64, int64_t)
    APUS_CASE(uint64, uint64_t)
    APUS_CASE(boolean, bool)
    APUS_CASE(float16, uint16_t)  // only moved
  }
#undef APUS_CASE
  return nullptr;
}

ElementwiseKernel where_kernel(Dtype dtype) {
  switch (dtype_size(dtype)) {
    case 1:
      return choose<uint8_t>;
    case 2:
      return choose<uint16_t>;
    case 4:
      return choose<uint32_t>;
    default:
      return choose<uint64_t>;
  }
}

struct f_where {};

}  // namespace

const ElementwiseRow& elementwise_row(Elementwise function) { return kRows[static_cast<int>(function)]; }

bool parse_elementwise(std::string_view name, Elementwise& out) {
  for (size_t i = 0; i < std::size(kRows); ++i) {
    if (name != kRows[i].name) continue;
    out = static_cast<Elementwise>(i);
    return true;
  }
  return false;
}

ElementwiseKernel elementwise_kernel(Elementwise function, Dtype dtype) {
  using namespace elementwise;
  if (function == Elementwise::where) return where_kernel(dtype);
  switch (function) {
#define APUS_ELEMENTWISE(name, arity, result, types) \
  case Elementwise::name:                            \
    return find<f_##name, arity, types>(dtype);
#include "kernels/elementwise/table.inc"
#undef APUS_ELEMENTWISE
  }
  return nullptr;
}

}  // namespace apus
