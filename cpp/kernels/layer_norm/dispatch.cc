#include "kernels/layer_norm/layer_norm.h"

namespace apus {

#define APUS_LAYER_NORM_TABLE(name) extern const LayerNormTable name;
#include "kernels/layer_norm/table.inc"
#undef APUS_LAYER_NORM_TABLE

const LayerNormTable& layer_norm_table(Isa isa) {
#define APUS_LAYER_NORM_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/layer_norm/table.inc"
#undef APUS_LAYER_NORM_TABLE
  return layer_norm_scalar;
}

}  // namespace apus
