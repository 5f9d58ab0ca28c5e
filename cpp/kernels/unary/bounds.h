// How far the functions of unary.h are from the real ones, for every float32 x and on every ISA alike:
//
//   |y - f(x)| <= absolute + relative * |f(x)|
//
// besides x and results below 1.2e-38, which may be 0, as they are in every run. NaN gives NaN, an infinite f(x) is
// that infinity, and what the saturating ones (sigmoid, tanh, erf) tend to is reached exactly; silu and the gelus of
// -inf are NaN, as their product of -inf and 0 says. Tested over all 2^32 inputs (tests/kernels/test_activations.py).
// Functions that are not here are correctly rounded, or a few exact steps.
#pragma once

#include "kernels/unary/unary.h"

namespace apus {

struct UnaryBound {
  Unary function;
  Accuracy accuracy;
  double absolute, relative;
};

inline constexpr UnaryBound kUnaryBounds[] = {
    {Unary::exp, Accuracy::accurate, 0, 2e-7},
    {Unary::sigmoid, Accuracy::accurate, 0, 4e-7},
    {Unary::tanh, Accuracy::accurate, 0, 4e-7},
    {Unary::silu, Accuracy::accurate, 1.2e-36, 4e-7},
    {Unary::erf, Accuracy::accurate, 0, 2e-7},
    {Unary::gelu, Accuracy::accurate, 4e-7, 2e-7},
    {Unary::gelu_tanh, Accuracy::accurate, 4e-7, 2e-7},
    {Unary::softplus, Accuracy::accurate, 0, 4e-7},
    {Unary::elu, Accuracy::accurate, 0, 4e-7},
    {Unary::log, Accuracy::accurate, 0, 2e-7},
    {Unary::exp, Accuracy::fast, 0, 1e-5},
    {Unary::sigmoid, Accuracy::fast, 1e-6, 0},
    {Unary::tanh, Accuracy::fast, 2e-6, 0},
    {Unary::silu, Accuracy::fast, 2e-5, 0},
    {Unary::erf, Accuracy::fast, 6e-6, 0},
    {Unary::gelu, Accuracy::fast, 2e-5, 0},
    {Unary::gelu_tanh, Accuracy::fast, 5e-6, 0},
};

}  // namespace apus
