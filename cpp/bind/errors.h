#pragma once

#include <nanobind/nanobind.h>

namespace apus {

// Translates apus::Error to the classes of apus.errors.
void bind_errors(nanobind::module_& module);

}  // namespace apus
