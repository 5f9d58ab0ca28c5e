#pragma once

#include <nanobind/nanobind.h>

namespace apus {

// Adds the classes WaveGRU and WaveGRUStream.
void bind_wavegru(nanobind::module_& module);

}  // namespace apus
