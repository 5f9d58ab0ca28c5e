// Test and benchmark entries of the kernels: apus._native.kernels.
#pragma once

#include <nanobind/nanobind.h>

namespace apus {

void bind_kernels(nanobind::module_& m);

}  // namespace apus
