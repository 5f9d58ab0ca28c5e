// Test and benchmark entries of the kernels: apus._native.kernels.
#pragma once

#include <nanobind/nanobind.h>

namespace apus {

// Adds the submodule.
void bind_kernels(nanobind::module_& native);

}  // namespace apus
