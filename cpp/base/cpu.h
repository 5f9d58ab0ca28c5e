// What this machine can do: instruction sets, caches, and the cores that we are allowed to use.
#pragma once

#include <cstddef>
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

// Names from scalar up to best_isa().
std::vector<std::string> available_isas();

// Cores by affinity and cgroup quota, asked afresh (both may change while we live).
int usable_cores();

}  // namespace apus
