#include "kernels/binary/binary.h"

namespace apus {

#define APUS_BINARY_TABLE(name) extern const BinaryTable name;
#include "kernels/binary/table.inc"
#undef APUS_BINARY_TABLE

const BinaryTable& binary_table(Isa isa) {
#define APUS_BINARY_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/binary/table.inc"
#undef APUS_BINARY_TABLE
  return binary_scalar;
}

}  // namespace apus
