#pragma once

#include <nanobind/nanobind.h>

namespace apus {

// Adds the classes Model and Session.
void bind_session(nanobind::module_& module);

}  // namespace apus
