#include "kernels/recurrent/recurrent.h"

namespace apus {

#define APUS_GATE_TABLE(name) extern const GateTable name;
#include "kernels/recurrent/table.inc"
#undef APUS_GATE_TABLE

const GateTable& gate_table(Isa isa) {
#define APUS_GATE_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/recurrent/table.inc"
#undef APUS_GATE_TABLE
  return gates_scalar;
}

double gate_cost(Isa isa) {
  constexpr double kCycles[kIsaCount] = {20, 20, 20, 10, 5, 5, 5, 5};
  return kCycles[static_cast<int>(isa)];
}

}  // namespace apus
