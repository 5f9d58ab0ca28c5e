// Elementwise functions: y[i] = f(x[i]) in float32, and y[i] = table[x[i]] for bytes.
//
// One body, compiled for each ISA without contraction, so every ISA gives the same bits. x may equal y. Reads and
// writes exactly n elements. NaN in, NaN out (clip keeps it too).
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

// In the order of kUnaryNames (unary.cc).
enum class Unary : uint8_t {
  identity,
  relu,
  clip,
  leaky_relu,
  elu,
  hard_sigmoid,
  hard_swish,
  sigmoid,
  tanh,
  silu,
  gelu,
  gelu_tanh,
  exp,
  log,
  sqrt,
  reciprocal,
  abs,
  neg,
  erf,
  floor,
  ceil,
  round,
  softplus
};
inline constexpr int kUnaryCount = 23;

struct UnaryParameters {
  float alpha, beta;  // leaky_relu, elu, hard_sigmoid
  float low, high;    // clip
};

using UnaryKernel = void (*)(const float* x, float* y, int64_t n, const UnaryParameters& parameters);
using ByteMapKernel = void (*)(const uint8_t* x, uint8_t* y, int64_t n, const uint8_t* table);

// Fast trades digits for speed, where a function has both; the bounds of each are kUnaryBounds (bounds.h).
enum class Accuracy : uint8_t { accurate, fast };

struct UnaryTable {
  Isa isa;
  UnaryKernel functions[kUnaryCount], fast[kUnaryCount];
  ByteMapKernel bytes;

  constexpr UnaryKernel of(Unary function, Accuracy accuracy = Accuracy::accurate) const {
    return (accuracy == Accuracy::fast ? fast : functions)[static_cast<int>(function)];
  }
};

// The best table of at most `isa`.
const UnaryTable& unary_table(Isa isa);

// Estimated cycles per element, to decide on threads.
double unary_cost(Unary function);

}  // namespace apus
