#include "kernels/softmax/softmax.h"

namespace apus {

#define APUS_SOFTMAX_TABLE(name) extern const SoftmaxTable name;
#include "kernels/softmax/table.inc"
#undef APUS_SOFTMAX_TABLE

const SoftmaxTable& softmax_table(Isa isa) {
#define APUS_SOFTMAX_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/softmax/table.inc"
#undef APUS_SOFTMAX_TABLE
  return softmax_scalar;
}

}  // namespace apus
