// Test entries of the activations: apus._native.kernels.activation_*.
#pragma once

#include <nanobind/nanobind.h>

namespace apus {

// Adds them to the submodule `kernels`.
void bind_activations(nanobind::module_& kernels);

}  // namespace apus
