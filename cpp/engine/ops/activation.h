// What follows a sum: the clamp that a kernel applies itself, and any other activation as a pass of its own.
#pragma once

#include "engine/builder.h"
#include "kernels/unary/unary.h"

namespace apus {

struct Limits {
  float low, high;
};

// Relu and clip (else nothing) as limits in real units.
Limits float_limits(const Attributes& attributes);

// The same as bytes of the quantised value `y`, within 0..255.
Limits byte_limits(const Attributes& attributes, const Value& y);

// Whether the activation is more than a clamp.
bool needs_pass(const Attributes& attributes);

// Adds the step y = f(x) over float32; x may equal y.
void add_unary(Builder& builder, const Attributes& attributes, int x, int y, int64_t items);

}  // namespace apus
