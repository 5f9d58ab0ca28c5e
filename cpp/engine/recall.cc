#include "engine/recall.h"

#include <dlfcn.h>
#include <sys/stat.h>

#include <chrono>
#include <cmath>
#include <functional>
#include <iomanip>
#include <sstream>
#include <string_view>
#include <system_error>

#include "base/cpu.h"
#include "base/crc32c.h"
#include "engine/kept.h"

namespace apus {
namespace {

constexpr const char* kFirstLine = "apus plan 2";
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
  key << std::hex << model.identity << std::dec;
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

// "figures", what the machine's were, and whether they will stay.
std::string figures_line(const Machine& machine, int threads) {
  return "figures " + hex(machine.identity(threads), 16) + (machine.settled(threads) ? " settled\n" : " busy\n");
}

bool young(const std::filesystem::path& path) {
  constexpr std::chrono::minutes kBusy{10};
  std::error_code error;
  const auto age = std::filesystem::file_time_type::clock::now() - std::filesystem::last_write_time(path, error);
  return !error && age >= age.zero() && age < kBusy;
}

// What a file ends with.
constexpr size_t kSumLength = 13;
std::string sum_of(std::string_view text) { return "crc " + hex(crc32c(text.data(), text.size()), 8) + "\n"; }

}  // namespace

Recall::Recall(const Model& model, const std::vector<Shape>& inputs, const PlanOptions& options)
    : machine_(&Machine::standard()), threads_(options.threads) {
  if (options.deterministic || options.parallel_cycles != kPlanned) return;
  machine_ = &Machine::known(options.isa, options.pool);
  key_ = key_of(model, inputs, options);
  path_ = kept_path(std::string(kFolder) + "/" + hex(std::hash<std::string>()(key_), 16) + ".txt");
  known_ = !path_.empty() && read();
  if (!known_) machine_ = &Machine::measured(options.isa, options.pool);
}

// First line, key, figures, "alone 0" or "alone 1", the choices, and last the checksum of all that.
bool Recall::read() {
  const std::string text = read_kept(path_);
  const std::string head = std::string(kFirstLine) + "\n" + key_ + "\nfigures ";
  if (text.size() < head.size() + kSumLength || text.compare(0, head.size(), head) != 0) return false;
  const std::string_view body = std::string_view(text).substr(0, text.size() - kSumLength);
  if (sum_of(body) != text.substr(body.size())) return false;
  std::istringstream rest{std::string(body.substr(head.size()))};
  std::string figures, state, word;
  size_t count = 0;
  rest >> figures >> state >> word >> alone_ >> count;
  const bool busy = state == "busy", same = figures == hex(machine_->identity(threads_), 16);
  if (!(busy ? young(path_) : same) || word != "alone") return false;
  for (size_t i = 0; i < count; ++i) {
    choices_.push_back(read_choice(rest));
    if (choices_.back().empty()) return choices_.clear(), false;
  }
  return static_cast<bool>(rest) && !(alone_ && threads_ == 1);
}

std::vector<KernelOption> Recall::next() {
  return known_ && at_ < choices_.size() ? choices_[at_] : std::vector<KernelOption>{};
}

void Recall::add(const std::vector<KernelOption>& options, bool known) {
  if (!known) {
    choices_.resize(at_);
    choices_.push_back(options);
    known_ = false;
    weighed_ |= options.size() > 1;
  }
  ++at_;
}

std::string Recall::text(bool alone) const {
  std::ostringstream text;
  text << kFirstLine << "\n"
       << key_ << "\n"
       << figures_line(*machine_, threads_) << "alone " << alone << "\n"
       << (alone ? 0 : choices_.size()) << "\n";
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
  if (path_.empty() || known_ || !(weighed_ || threads_ > 1)) return;
  const std::string body = text(alone);
  keep_newest(path_.parent_path(), kMostFiles - 1);
  write_kept(path_, body + sum_of(body));
}

}  // namespace apus
