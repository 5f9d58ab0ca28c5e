#include "kernels/wavegru/wavegru.h"

namespace apus {

#define WAVEGRU_TABLE(name) extern const WaveGruTable name;
#include "kernels/wavegru/table.inc"
#undef WAVEGRU_TABLE

const WaveGruTable& wavegru_table(Isa isa) {
#define WAVEGRU_TABLE(name) \
  if (name.isa <= isa) return name;
#include "kernels/wavegru/table.inc"
#undef WAVEGRU_TABLE
  return wavegru_scalar;
}

}  // namespace apus
