#include "kernels/pool/pool.h"

namespace apus {

#define APUS_POOL_TABLE(name) extern const PoolTable name;
#include "kernels/pool/table.inc"
#undef APUS_POOL_TABLE

const PoolTable& pool_table(Isa isa) {
#define APUS_POOL_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/pool/table.inc"
#undef APUS_POOL_TABLE
  return pool_scalar;
}

}  // namespace apus
