// Cores that we may use: the smaller of the affinity mask and the cgroup's CPU quota.
#include <sched.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include "base/cpu.h"

namespace apus {
namespace {

int affinity_cores() {
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
  return std::max(1, CPU_COUNT(&set));
}

// One "quota period" file (v2), or two files (v1). Returns cores, or 0 for "no limit said here".
double quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  std::string quota;
  double period = 0;
  if (!(file >> quota >> period) || quota == "max" || period <= 0) return 0;
  return std::strtod(quota.c_str(), nullptr) / period;
}

double quota_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us"), period_file(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  if (!(quota_file >> quota) || !(period_file >> period) || quota <= 0 || period <= 0) return 0;
  return quota / period;
}

void tighten(double& limit, double found) {
  if (found > 0) limit = limit > 0 ? std::min(limit, found) : found;
}

// A quota may sit on any ancestor of our group, so look at each.
double quota_of_line(const std::string& line) {
  const size_t first = line.find(':'), second = line.find(':', first + 1);
  if (first == std::string::npos || second == std::string::npos) return 0;
  const std::string controllers = line.substr(first + 1, second - first - 1);
  const bool v2 = controllers.empty();
  if (!v2 && controllers.find("cpu") == std::string::npos) return 0;
  const std::string root = v2 ? "/sys/fs/cgroup" : "/sys/fs/cgroup/cpu";
  double limit = 0;
  for (std::string group = line.substr(second + 1);; group.resize(group.rfind('/'))) {
    tighten(limit, v2 ? quota_v2(root + group) : quota_v1(root + group));
    if (group.empty() || group.rfind('/') == std::string::npos) return limit;
  }
}

}  // namespace

int usable_cores() {
  double limit = 0;
  std::ifstream groups("/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) tighten(limit, quota_of_line(line));
  const int cores = affinity_cores();
  return limit > 0 ? std::clamp(static_cast<int>(std::ceil(limit)), 1, cores) : cores;
}

}  // namespace apus
