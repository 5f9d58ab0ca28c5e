#include "engine/recall.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <iomanip>
#include <sstream>
#include <string_view>

#include "base/cpu.h"
#include "base/crc32c.h"
#include "engine/kept.h"
#include "engine/machine.h"

namespace apus {
namespace {

constexpr const char* kFirstLine = "apus plan 1";
constexpr const char* kFolder = "plans";
constexpr size_t kMostFiles = 256, kMostOptions = 64;

// The library or program that this code lies in, by size and time: another build may have other kernels.
std::string build_name() {
  Dl_info info{};
  struct stat file{};
  const bool found = dladdr(reinterpret_cast<const void*>(&build_name), &info) != 0 && stat(info.dli_fname, &file) == 0;
  if (!found && stat("/proc/self/exe", &file) != 0) return {};  // a program that was started by its bare name
  return std::to_string(file.st_size) + "." + std::to_string(file.st_mtim.tv_sec) + "." +
         std::to_string(file.st_mtim.tv_nsec);
}

std::string key_of(const Model& model, const std::vector<Shape>& inputs, const PlanOptions& options) {
  std::ostringstream key;
  key << std::hex << model.identity << " " << Machine::measured(options.isa, options.pool).identity(options.threads)
      << std::dec;
  for (const Shape& shape : inputs) key << " " << shape_text(shape);
  key << " " << isa_name(options.isa) << " threads " << options.threads << " accuracy "
      << static_cast<int>(options.accuracy) << " " << build_name() << " " << machine_name();
  return key.str();
}

// "count" and its options of one choice; empty if the text is not that.
std::vector<KernelOption> read_choice(std::istream& text) {
  size_t count = 0;
  if (!(text >> count) || count == 0 || count > kMostOptions) return {};
  std::vector<KernelOption> options(count);
  for (KernelOption& o : options) {
    text >> o.candidate >> o.threads >> o.estimated_us >> o.measured_us >> o.kernel;
    const bool sound = text && o.candidate >= 0 && o.threads > 0 && o.estimated_us >= 0 && o.measured_us >= 0;
    if (!sound || !std::isfinite(o.estimated_us) || !std::isfinite(o.measured_us)) return {};
  }
  return options;
}

std::string hex(uint64_t number, int digits) {
  std::ostringstream text;
  text << std::hex << std::setfill('0') << std::setw(digits) << number;
  return text.str();
}

// What a file ends with.
constexpr size_t kSumLength = 13;
std::string sum_of(std::string_view text) { return "crc " + hex(crc32c(text.data(), text.size()), 8) + "\n"; }

}  // namespace

Recall::Recall(const Model& model, const std::vector<Shape>& inputs, const PlanOptions& options)
    : threads_(options.threads) {
  if (options.deterministic || options.parallel_cycles != kPlanned) return;
  key_ = key_of(model, inputs, options);
  path_ = kept_path(std::string(kFolder) + "/" + hex(std::hash<std::string>()(key_), 16) + ".txt");
  if (!path_.empty()) read();
}

// First line, key, "alone 0" or "alone 1", the choices, and last the checksum of all that.
void Recall::read() {
  const std::string text = read_kept(path_);
  const std::string head = std::string(kFirstLine) + "\n" + key_ + "\nalone ";
  if (text.size() < head.size() + kSumLength || text.compare(0, head.size(), head) != 0) return;
  const std::string_view body = std::string_view(text).substr(0, text.size() - kSumLength);
  if (sum_of(body) != text.substr(body.size())) return;
  std::istringstream rest{std::string(body.substr(head.size()))};
  size_t count = 0;
  rest >> alone_ >> count;
  for (size_t i = 0; i < count; ++i) {
    choices_.push_back(read_choice(rest));
    if (choices_.back().empty()) return choices_.clear();
  }
  known_ = static_cast<bool>(rest) && !(alone_ && threads_ == 1);
}

std::vector<KernelOption> Recall::next() {
  return known_ && at_ < choices_.size() ? choices_[at_] : std::vector<KernelOption>{};
}

void Recall::add(const std::vector<KernelOption>& options, bool known) {
  if (!known) {
    choices_.resize(at_);
    choices_.push_back(options);
    known_ = false;
    timed_ |= std::any_of(options.begin(), options.end(), [](const KernelOption& o) { return o.measured_us > 0; });
  }
  ++at_;
}

std::string Recall::text(bool alone) const {
  std::ostringstream text;
  text << kFirstLine << "\n" << key_ << "\nalone " << alone << "\n" << (alone ? 0 : choices_.size()) << "\n";
  for (size_t i = 0; !alone && i < choices_.size(); ++i) {
    text << choices_[i].size();
    for (const KernelOption& o : choices_[i])
      text << " " << o.candidate << " " << o.threads << " " << o.estimated_us << " " << o.measured_us << " "
           << o.kernel;
    text << "\n";
  }
  return text.str();
}

void Recall::keep(bool alone) const {
  if (path_.empty() || !timed_) return;
  const std::string body = text(alone);
  keep_newest(path_.parent_path(), kMostFiles - 1);
  write_kept(path_, body + sum_of(body));
}

}  // namespace apus
