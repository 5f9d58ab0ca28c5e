// Types of elements: of activations, of constants, and of the kernels that take any of them.
#pragma once

#include <cstdint>
#include <string_view>

namespace apus {

// In the order of kDtypes (dtype.cc), and of apus_dtype (c/apus.h).
enum class Dtype : uint8_t {
  float32,
  uint8,
  int8,
  int32,
  int64,
  boolean,
  float64,
  int16,
  uint16,
  uint32,
  uint64,
  float16
};
inline constexpr int kDtypeCount = 12;

const char* dtype_name(Dtype dtype);
int dtype_size(Dtype dtype);
// Sets `out` and returns true if `name` is a dtype.
bool parse_dtype(std::string_view name, Dtype& out);

// Sets of dtypes, as bits.
constexpr uint16_t dtype_bit(Dtype dtype) { return static_cast<uint16_t>(1 << static_cast<int>(dtype)); }
inline constexpr uint16_t kFloats = dtype_bit(Dtype::float32) | dtype_bit(Dtype::float64);
inline constexpr uint16_t kSigned =
    dtype_bit(Dtype::int8) | dtype_bit(Dtype::int16) | dtype_bit(Dtype::int32) | dtype_bit(Dtype::int64);
inline constexpr uint16_t kIntegers =
    kSigned | dtype_bit(Dtype::uint8) | dtype_bit(Dtype::uint16) | dtype_bit(Dtype::uint32) | dtype_bit(Dtype::uint64);
inline constexpr uint16_t kNumbers = kFloats | kIntegers;
inline constexpr uint16_t kBool = dtype_bit(Dtype::boolean);
inline constexpr uint16_t kAny = (1 << kDtypeCount) - 1;

}  // namespace apus
