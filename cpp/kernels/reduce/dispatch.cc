#include "kernels/reduce/reduce.h"

namespace apus {

#define APUS_REDUCE_TABLE(name) extern const ReduceTable name;
#include "kernels/reduce/table.inc"
#undef APUS_REDUCE_TABLE

const ReduceTable& reduce_table(Isa isa) {
#define APUS_REDUCE_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/reduce/table.inc"
#undef APUS_REDUCE_TABLE
  return reduce_scalar;
}

}  // namespace apus
