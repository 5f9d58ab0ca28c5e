#include "kernels/spectral/kernel.h"

namespace apus {

#define SPECTRAL_KERNEL(isa, function) void function(const SpectralArguments&);
#include "kernels/spectral/table.inc"
#undef SPECTRAL_KERNEL

const SpectralRow& spectral_kernel(Isa isa) {
  static constexpr SpectralRow kRows[] = {
#define SPECTRAL_KERNEL(isa, function) {#function, Isa::isa, function},
#include "kernels/spectral/table.inc"
#undef SPECTRAL_KERNEL
  };
  const SpectralRow* row = kRows;
  while (row->isa > isa) ++row;
  return *row;
}

}  // namespace apus
