#include "engine/machine.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <system_error>

#include "base/cpu.h"
#include "engine/calibrate.h"

namespace apus {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFirstLine = "apus machine 2";  // to be raised when kernels or cost() change

fs::path cache_file(Isa isa) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache == nullptr || *cache != '/') cache = nullptr;  // the standard says to ignore a relative one
  if (cache == nullptr && home == nullptr) return {};
  const fs::path folder = cache ? fs::path(cache) : fs::path(home) / ".cache";
  std::string name = cpu_info().brand;
  for (const std::string& feature : cpu_info().features) name += feature;
  return folder / "apus" /
         ("machine-" + std::string(isa_name(isa)) + "-" + std::to_string(std::hash<std::string>()(name)) + ".txt");
}

// Lines "figure value"; nothing if the file is absent, of another version, or spoilt.
std::map<std::string, double> read_figures(const fs::path& path) {
  std::ifstream file(path);
  std::map<std::string, double> figures;
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

// Whole or not at all: a reader never sees half a file.
void write_figures(const fs::path& path, const std::map<std::string, double>& figures) {
  if (path.empty()) return;
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  const fs::path temporary = path.string() + "." + std::to_string(getpid());
  {
    std::ofstream file(temporary);
    file << kFirstLine << "\n";
    for (const auto& [name, value] : figures) file << name << " " << value << "\n";
    if (!file.flush()) return void(fs::remove(temporary, ignored));
  }
  fs::rename(temporary, path, ignored);
  if (ignored) fs::remove(temporary, ignored);
}

}  // namespace

const Machine& Machine::standard() {
  static const Machine machine;
  return machine;
}

const Machine& Machine::measured(Isa isa, ThreadPool* pool) {
  static std::mutex mutex;
  static std::map<std::pair<Isa, int>, Machine> known;
  const std::lock_guard lock(mutex);
  const int threads = pool ? pool->threads() : 1;
  const auto found = known.find({isa, threads});
  if (found != known.end()) return found->second;
  Machine& machine = known[{isa, threads}];
  const fs::path path = cache_file(isa);
  machine.figures_ = read_figures(path);
  const size_t before = machine.figures_.size();
  if (machine.figures_.count("kernels") == 0) {
    calibrate_kernels(isa, machine.figures_);
    machine.figures_["kernels"] = 1;
  }
  if (pool && machine.figures_.count("barrier " + std::to_string(threads)) == 0)
    calibrate_pool(*pool, machine.figures_);
  if (machine.figures_.size() != before) write_figures(path, machine.figures_);
  return machine;
}

double Machine::cycle_ns(const std::string& kernel) const {
  const auto found = figures_.find("cycle " + kernel);
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
