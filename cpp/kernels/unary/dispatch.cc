#include "kernels/unary/unary.h"

namespace apus {

#define APUS_UNARY_TABLE(name) extern const UnaryTable name;
#include "kernels/unary/table.inc"
#undef APUS_UNARY_TABLE

const UnaryTable& unary_table(Isa isa) {
#define APUS_UNARY_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/unary/table.inc"
#undef APUS_UNARY_TABLE
  return unary_scalar;
}

double unary_cost(Unary function) {
  switch (function) {
    case Unary::elu:
    case Unary::sigmoid:
    case Unary::tanh:
    case Unary::silu:
    case Unary::gelu:
    case Unary::gelu_tanh:
    case Unary::exp:
    case Unary::log:
    case Unary::erf:
    case Unary::softplus:
      return 3;
    default:
      return 0.5;
  }
}

}  // namespace apus
