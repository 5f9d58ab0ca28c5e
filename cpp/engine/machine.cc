#include "engine/machine.h"

#include <pthread.h>

#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iomanip>
#include <limits>
#include <mutex>
#include <set>
#include <sstream>
#include <tuple>

#include "base/cpu.h"
#include "engine/calibrate.h"
#include "engine/kept.h"

namespace apus {
namespace {

namespace fs = std::filesystem;
using Figures = std::map<std::string, double>;

constexpr const char* kFirstLine = "apus machine 7";  // to be raised when kernels or cost() change

fs::path cache_file(Isa isa) {
  return kept_path("machine-" + std::string(isa_name(isa)) + "-" +
                   std::to_string(std::hash<std::string>()(machine_name())) + ".txt");
}

// Lines "figure value"; nothing if the file is absent, of another version, or spoilt.
Figures read_figures(const fs::path& path) {
  std::istringstream file(read_kept(path));
  Figures figures;
  std::string line;
  if (!std::getline(file, line) || line != kFirstLine) return {};
  while (std::getline(file, line)) {
    const size_t space = line.rfind(' ');
    const double value = space == std::string::npos ? 0 : std::strtod(line.c_str() + space, nullptr);
    if (!(value > 0 && value < 1e9)) return {};
    figures[line.substr(0, space)] = value;
  }
  return figures;
}

void write_figures(const fs::path& path, const Figures& figures) {
  std::ostringstream file;
  file << kFirstLine << "\n" << std::setprecision(std::numeric_limits<double>::max_digits10);
  for (const auto& [name, value] : figures) file << name << " " << value << "\n";
  write_kept(path, file.str());
}

constexpr double kMostTries = 4;

// "tries WHAT" counts measurements that a busy machine spoilt; kMostTries: they are done.
double tries(const Figures& figures, const std::string& what) {
  const auto found = figures.find("tries " + what);
  return found == figures.end() ? 0 : found->second;
}

void count_try(Figures& figures, const std::string& what, bool calm) {
  double& tries = figures["tries " + what];
  tries = calm ? kMostTries : tries + 1;
}

std::string pool_of(int threads) { return "pool " + std::to_string(threads); }

// A fork waits for the end of a measurement: the child would find it locked by a thread that it does not have.
std::mutex measuring;
const int forked = pthread_atfork([] { measuring.lock(); }, [] { measuring.unlock(); }, [] { measuring.unlock(); });

}  // namespace

const Machine& Machine::standard() {
  static const Machine machine;
  return machine;
}

const Machine& Machine::find(Isa isa, ThreadPool* pool, bool again) {
  (void)forked;
  static std::map<std::tuple<Isa, int, bool>, Machine> known;  // what was given out never changes
  static std::map<Isa, Figures> here;                          // what this process has measured or read
  static std::set<std::pair<Isa, std::string>> done;           // what this process has measured
  const std::lock_guard lock(measuring);
  const int threads = pool ? pool->threads() : 1;
  for (const bool newer : {true, again}) {
    const auto found = known.find({isa, threads, newer});
    if (found != known.end()) return found->second;
  }
  Machine& machine = known[{isa, threads, again}];
  const fs::path path = cache_file(isa);
  const auto earlier = here.find(isa);
  Figures& figures = machine.figures_ = earlier == here.end() ? read_figures(path) : earlier->second;
  const auto wanted = [&](const std::string& what) {
    const double tried = tries(figures, what);
    return tried < (again ? kMostTries : 1) && done.insert({isa, what}).second;
  };
  const bool kernels = wanted("kernels"), meetings = pool && wanted(pool_of(threads));
  if (kernels) count_try(figures, "kernels", calibrate_kernels(isa, figures));
  if (meetings) count_try(figures, pool_of(threads), calibrate_pool(*pool, figures));
  if (kernels || meetings) write_figures(path, figures);
  here[isa] = figures;
  return machine;
}

bool Machine::settled(int threads) const {
  const bool pool = threads == 1 || tries(figures_, pool_of(threads)) >= kMostTries;
  return pool && tries(figures_, "kernels") >= kMostTries;
}

uint64_t Machine::identity(int threads) const {
  uint64_t all = 0;
  for (const auto& [name, value] : figures_) {
    const bool counts = name == "tries kernels" || name == "tries " + pool_of(threads);
    if (counts || name.starts_with("cycle ")) all = all * 31 + std::hash<double>()(value);
  }
  return all;
}

double Machine::cycle_ns(const std::string& kernel) const {
  const size_t suffix = kernel.rfind(kUnpackedSuffix);  // the same kernel
  const auto found = figures_.find("cycle " + kernel.substr(0, suffix));
  return found == figures_.end() ? 1 / 3.0 : found->second;
}

double Machine::barrier_ns(int threads) const {
  const auto found = figures_.find("barrier " + std::to_string(threads));
  return found == figures_.end() ? 500.0 : found->second;
}

double Machine::run_ns(int threads) const {
  const auto found = figures_.find("run " + std::to_string(threads));
  return found == figures_.end() ? 2000.0 : found->second;
}

}  // namespace apus
