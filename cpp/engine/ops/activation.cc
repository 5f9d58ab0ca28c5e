#include "engine/ops/activation.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/copy.h"

namespace apus {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

float to_byte(float real, const Value& y) {
  const float q = std::nearbyintf(real / y.scale) + static_cast<float>(y.zero_point);
  return std::clamp(q, 0.0f, 255.0f);
}

struct UnaryStep {
  UnaryKernel run;
  UnaryParameters parameters;
  int x, y;
  int64_t items;
  void operator()(Slots s, int part, int parts) const {
    const Range r = share(items, part, parts);
    run(reinterpret_cast<const float*>(s[x]) + r.first, reinterpret_cast<float*>(s[y]) + r.first, r.last - r.first,
        parameters);
  }
};

}  // namespace

Limits float_limits(const Attributes& a) {
  if (a.unary == Unary::relu) return {0.0f, kInfinity};
  if (a.unary == Unary::clip) return {a.low, a.high};
  return {-kInfinity, kInfinity};
}

Limits byte_limits(const Attributes& a, const Value& y) {
  const Limits real = float_limits(a);
  return {to_byte(real.low, y), to_byte(real.high, y)};
}

bool needs_pass(const Attributes& a) {
  return a.unary != Unary::identity && a.unary != Unary::relu && a.unary != Unary::clip;
}

void add_unary(Builder& b, const Attributes& a, int x, int y, int64_t items) {
  const UnaryKernel run = unary_table(b.isa()).of(a.unary, b.accuracy());
  b.add(UnaryStep{run, a.unary_parameters(), x, y, items},
        b.threads_for(static_cast<double>(items) * unary_cost(a.unary)));
}

}  // namespace apus
