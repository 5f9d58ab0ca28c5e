#pragma once

#include <nanobind/nanobind.h>

namespace apus {

// Adds the class SpectralSynthesis.
void bind_spectral(nanobind::module_& module);

}  // namespace apus
