// What this machine can do: instruction sets, caches, and the cores that we are allowed to use.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "base/isa.h"

namespace apus {

struct CpuInfo {
  std::string brand;
  std::vector<std::string> features;  // of those that kernels care about
  size_t l1d = 0, l2 = 0, l3 = 0;     // bytes; 0 where the system does not say
  int cores = 1;                      // usable: by affinity mask and cgroup quota
};

const CpuInfo& cpu_info();

// The best set that CPU and operating system support.
Isa best_isa();

// The set in use: APUS_ISA if set, else best_isa(). Read once. Throws Error(isa) for an unknown or unavailable name.
Isa active_isa();

const char* isa_name(Isa isa);

// Names of what this CPU and build offer, scalar first, best_isa() last.
std::vector<std::string> available_isas();

// The available set of that name, if there is one.
std::optional<Isa> available_isa(const std::string& name);

// Cores by affinity and cgroup quota, asked afresh (both may change while we live).
int usable_cores();

}  // namespace apus
