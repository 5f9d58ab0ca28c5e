#include "kernels/quantize/quantize.h"

namespace apus {

#define APUS_QUANTIZE_TABLE(name) extern const QuantizeTable name;
#include "kernels/quantize/table.inc"
#undef APUS_QUANTIZE_TABLE

const QuantizeTable& quantize_table(Isa isa) {
#define APUS_QUANTIZE_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/quantize/table.inc"
#undef APUS_QUANTIZE_TABLE
  return quantize_scalar;
}

}  // namespace apus
