// Elementwise functions of two operands: y[i] = clamp(f(a[i], b[i]), low, high).
//
// `form` says which operand is one number for all i (a scalar broadcast); the caller walks the outer dimensions.
// Bytes are quantised: a real number is scale * (q - zero_point), each step is one float32 rounding, so every ISA gives
// the same bits. y may equal a or b where that is a vector. Reads and writes exactly n elements.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

enum class Binary : uint8_t { add, sub, mul, div, max, min, pow };
inline constexpr int kBinaryCount = 7;

enum class Form : uint8_t { vector_vector, vector_scalar, scalar_vector };
inline constexpr int kFormCount = 3;

struct BinaryParameters {
  float low, high;  // of the result, in real units; infinite for none
};

struct ByteBinaryParameters {
  float a_scale, b_scale, y_scale;
  int a_zero_point, b_zero_point, y_zero_point;
  int low, high;  // of the result, as bytes
};

using BinaryKernel = void (*)(const float* a, const float* b, float* y, int64_t n, const BinaryParameters&);
using ByteBinaryKernel = void (*)(const uint8_t* a, const uint8_t* b, uint8_t* y, int64_t n,
                                  const ByteBinaryParameters&);

struct BinaryTable {
  Isa isa;
  BinaryKernel floats[kBinaryCount][kFormCount];
  ByteBinaryKernel bytes[3][kFormCount];  // add, sub, mul
};

const BinaryTable& binary_table(Isa isa);

}  // namespace apus
