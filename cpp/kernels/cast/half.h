// float16 as bits, to and from float.
#pragma once

#include <bit>
#include <cstdint>

namespace apus {

inline float half_to_float(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16, rest = half & 0x7FFF;
  if (rest >= 0x7C00) return std::bit_cast<float>(sign | 0x7F800000 | (rest & 0x3FF) << 13);
  if (rest >= 0x400) return std::bit_cast<float>(sign | ((rest << 13) + (112u << 23)));
  const float tiny = static_cast<float>(rest) * 0x1p-24f;
  return sign != 0 ? -tiny : tiny;
}

// To nearest, ties to even.
inline uint16_t float_to_half(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value), sign = bits >> 16 & 0x8000, rest = bits & 0x7FFFFFFF;
  if (rest > 0x7F800000) return static_cast<uint16_t>(sign | 0x7E00);
  if (rest >= 0x477FF000) return static_cast<uint16_t>(sign | 0x7C00);
  if (rest >= 0x38800000) return static_cast<uint16_t>(sign | (rest - 0x38000000 + 0xFFF + (rest >> 13 & 1)) >> 13);
  if (rest < 0x33000000) return static_cast<uint16_t>(sign);  // at most half of the least: 2^-25 itself ties to 0
  const uint32_t shift = 126 - (rest >> 23), mantissa = (rest & 0x7FFFFF) | 0x800000, half = 1u << (shift - 1);
  const uint32_t kept = mantissa >> shift, lost = mantissa & ((1u << shift) - 1);
  return static_cast<uint16_t>(sign | (kept + (lost > half || (lost == half && (kept & 1)))));
}

// The float next to `value` that a later rounding to fewer digits treats as `value` itself: truncated, and odd if
// inexact.
inline float round_to_odd(double value) {
  const float nearest = static_cast<float>(value);
  const double back = static_cast<double>(nearest);
  if (back == value || back != back) return nearest;
  uint32_t bits = std::bit_cast<uint32_t>(nearest);
  const bool away = (value < 0 ? -back : back) > (value < 0 ? -value : value);
  if (away) --bits;
  return std::bit_cast<float>(bits | 1);
}

}  // namespace apus
