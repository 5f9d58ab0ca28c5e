#include "engine/model.h"

#include <cmath>

#include "engine/schema.h"

namespace apus {
namespace {

float default_alpha(Unary function) {
  if (function == Unary::leaky_relu) return 0.01f;
  return function == Unary::hard_sigmoid ? 0.2f : 1.0f;
}

}  // namespace

UnaryParameters Attributes::unary_parameters() const {
  return {std::isnan(alpha) ? default_alpha(unary) : alpha, std::isnan(beta) ? 0.5f : beta, low, high};
}

std::string Node::title() const { return std::string(schema_of(op).name) + " '" + name + "'"; }

}  // namespace apus
