#include "kernels/gather/combine.h"

#include <cstring>

#include "kernels/elementwise/elementwise.h"

namespace apus {
namespace {

template <int element>
void replace(void* y, const void* x, int64_t n) {
  std::memcpy(y, x, static_cast<size_t>(n * element));
}

template <Elementwise function, Dtype dtype>
void apply(void* y, const void* x, int64_t n) {
  constexpr int64_t steps[] = {1, 1, 0};
  elementwise_kernel(function, dtype)(y, x, nullptr, y, n, steps);
}

CombineKernel replacing(Dtype dtype) {
  switch (dtype_size(dtype)) {
    case 1:
      return replace<1>;
    case 2:
      return replace<2>;
    case 4:
      return replace<4>;
    default:
      return replace<8>;
  }
}

template <Elementwise function>
CombineKernel applying(Dtype dtype) {
  switch (dtype) {
#define APUS_CASE(name) \
  case Dtype::name:     \
    return apply<function, Dtype::name>;
    APUS_CASE(float32)
    APUS_CASE(float64)
    APUS_CASE(uint8)
    APUS_CASE(int8)
    APUS_CASE(uint16)
    APUS_CASE(int16)
    APUS_CASE(uint32)
    APUS_CASE(int32)
    APUS_CASE(uint64)
    APUS_CASE(int64)
#undef APUS_CASE
    default:
      return nullptr;
  }
}

}  // namespace

CombineKernel combine_kernel(Combine combine, Dtype dtype) {
  switch (combine) {
    case Combine::none:
      return replacing(dtype);
    case Combine::add:
      return applying<Elementwise::add>(dtype);
    case Combine::mul:
      return applying<Elementwise::mul>(dtype);
    case Combine::max:
      return applying<Elementwise::max>(dtype);
    default:
      return applying<Elementwise::min>(dtype);
  }
}

}  // namespace apus
