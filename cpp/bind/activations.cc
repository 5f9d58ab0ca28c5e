// Sweeps of the activations over float32 by its bits, against the same function in double.
#include "bind/activations.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include <bit>
#include <chrono>
#include <cmath>
#include <limits>
#include <stdexcept>
#include <tuple>

#include "base/cpu.h"
#include "base/crc32c.h"
#include "engine/pool.h"
#include "engine/schema.h"
#include "kernels/unary/bounds.h"

namespace nb = nanobind;

namespace apus {
namespace {

constexpr double kSmallest = 1.2e-38;  // below which a result may be flushed
constexpr int64_t kBlock = 4096;

double real(Unary function, double x) {
  if (x == -HUGE_VAL && (function == Unary::silu || function == Unary::gelu || function == Unary::gelu_tanh))
    return std::numeric_limits<double>::quiet_NaN();
  switch (function) {
    case Unary::exp:
      return std::exp(x);
    case Unary::sigmoid:
      return 1 / (1 + std::exp(-x));
    case Unary::tanh:
      return std::tanh(x);
    case Unary::silu:
      return x / (1 + std::exp(-x));
    case Unary::erf:
      return std::erf(x);
    case Unary::gelu:
      return 0.5 * x * std::erfc(-x * std::sqrt(0.5));
    case Unary::gelu_tanh: {  // x (1 + tanh(t)) / 2 = x / (1 + exp(-2 t)), which loses nothing below 0
      const double t = 0.79788456080286535588 * (x + 0.044715 * x * x * x);
      return x / (1 + std::exp(-2 * t));
    }
    case Unary::softplus:
      return std::fmax(x, 0) + std::log1p(std::exp(-std::fabs(x)));
    case Unary::elu:
      return x < 0 ? std::expm1(x) : x;
    case Unary::log:
      return std::log(x);
    default:
      throw std::invalid_argument("a function without a bound");
  }
}

// The error as a share of what the bound allows; infinite where it allows none.
double share_of(float got, double want, const UnaryBound& bound) {
  if (std::isnan(want) || std::isnan(got)) return std::isnan(want) && std::isnan(got) ? 0 : HUGE_VAL;
  const float nearest = static_cast<float>(want);
  if (std::isinf(nearest)) return got == nearest ? 0 : HUGE_VAL;
  return std::fabs(got - want) / (bound.absolute + bound.relative * std::fabs(want) + kSmallest);
}

const UnaryBound& bound_of(Unary function, Accuracy accuracy) {
  for (const UnaryBound& bound : kUnaryBounds)
    if (bound.function == function && bound.accuracy == accuracy) return bound;
  throw std::invalid_argument("a function without a bound");
}

UnaryKernel kernel_of(const std::string& isa, Unary function, bool fast) {
  const std::optional<Isa> one = available_isa(isa);
  if (!one) throw std::invalid_argument("this CPU has no " + isa);
  return unary_table(*one).of(function, fast ? Accuracy::fast : Accuracy::accurate);
}

Unary function_named(const std::string& name) {
  Unary function;
  if (!parse_unary(name, function)) throw std::invalid_argument("no function " + name);
  return function;
}

// The inputs are the floats of bits first, first + step, ...: `count` of them. Returns the worst error as a share of
// the bound (nothing is compared without `compare`), the x where it was, and a checksum of all results.
std::tuple<double, float, uint32_t> sweep(const std::string& isa, const std::string& name, bool fast, uint32_t first,
                                          uint64_t count, uint32_t step, bool compare) {
  const nb::gil_scoped_release release;
  const FlushDenormals flush;  // as in a run
  const Unary function = function_named(name);
  const UnaryBound& bound = bound_of(function, fast ? Accuracy::fast : Accuracy::accurate);
  const UnaryKernel run = kernel_of(isa, function, fast);
  float x[kBlock], y[kBlock], where = 0;
  double worst = 0;
  uint32_t sum = 0, bits = first;
  for (uint64_t done = 0; done < count; done += kBlock) {
    const int64_t n = static_cast<int64_t>(std::min<uint64_t>(kBlock, count - done));
    for (int64_t i = 0; i < n; ++i, bits += step) x[i] = std::bit_cast<float>(bits);
    run(x, y, n, {1, 0, 0, 0});
    for (int64_t i = 0; i < n; ++i) y[i] = y[i] != y[i] ? std::numeric_limits<float>::quiet_NaN() : y[i];
    sum = crc32c(y, static_cast<size_t>(n) * 4, sum);
    for (int64_t i = 0; compare && i < n; ++i) {
      const double share = share_of(y[i], real(function, x[i]), bound);
      if (share > worst) worst = share, where = x[i];
    }
  }
  return {worst, where, sum};
}

// Nanoseconds per element over values between -4 and 4, in the L1 cache.
double speed(const std::string& isa, const std::string& name, bool fast) {
  const UnaryKernel run = kernel_of(isa, function_named(name), fast);
  float x[kBlock], y[kBlock];
  for (int64_t i = 0; i < kBlock; ++i) x[i] = static_cast<float>(i) / (kBlock / 8) - 4;
  double best = HUGE_VAL;
  for (int round = 0; round < 200; ++round) {
    const auto start = std::chrono::steady_clock::now();
    run(x, y, kBlock, {1, 0, 0, 0});
    best = std::min(best, std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count());
  }
  return best / kBlock;
}

}  // namespace

void bind_activations(nb::module_& m) {
  m.def("activation_bounds", [] {
    std::vector<std::tuple<std::string, bool, double, double>> bounds;
    for (const UnaryBound& b : kUnaryBounds)
      bounds.emplace_back(unary_name(b.function), b.accuracy == Accuracy::fast, b.absolute, b.relative);
    return bounds;
  });
  m.def("activation_sweep", &sweep, nb::kw_only(), nb::arg("isa"), nb::arg("name"), nb::arg("fast"), nb::arg("first"),
        nb::arg("count"), nb::arg("step"), nb::arg("compare"));
  m.def("activation_speed", &speed, nb::kw_only(), nb::arg("isa"), nb::arg("name"), nb::arg("fast"));
}

}  // namespace apus
