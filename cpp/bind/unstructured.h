// Entries of the kernels over single weights.
#pragma once

#include <nanobind/nanobind.h>

namespace apus {

void bind_unstructured(nanobind::module_& m);

}  // namespace apus
