#include "kernels/unpack/unpack.h"

namespace apus {

#define APUS_UNPACK_TABLE(name) extern const UnpackTable name;
#include "kernels/unpack/table.inc"
#undef APUS_UNPACK_TABLE

const UnpackTable& unpack_table(Isa isa) {
#define APUS_UNPACK_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/unpack/table.inc"
#undef APUS_UNPACK_TABLE
  return unpack_scalar;
}

}  // namespace apus
