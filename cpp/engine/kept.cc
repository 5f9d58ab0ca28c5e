#include "engine/kept.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <system_error>
#include <utility>
#include <vector>

#include "base/cpu.h"

namespace apus {

namespace fs = std::filesystem;

fs::path kept_path(const std::string& name) {
  const char* cache = std::getenv("XDG_CACHE_HOME");
  const char* home = std::getenv("HOME");
  if (cache == nullptr || *cache != '/') cache = nullptr;  // the standard says to ignore a relative one
  if (cache == nullptr && home == nullptr) return {};
  return (cache ? fs::path(cache) : fs::path(home) / ".cache") / "apus" / name;
}

std::string read_kept(const fs::path& path) {
  constexpr uintmax_t kMost = 1 << 20;
  std::error_code error;
  const uintmax_t bytes = fs::file_size(path, error);  // fails on what is no regular file
  if (error || bytes > kMost) return {};
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void write_kept(const fs::path& path, const std::string& text) {
  static std::atomic<int> count{0};  // two threads may keep the same thing
  if (path.empty()) return;
  std::error_code ignored;
  fs::create_directories(path.parent_path(), ignored);
  const fs::path temporary = path.string() + "." + std::to_string(getpid()) + "-" + std::to_string(count++);
  {
    std::ofstream file(temporary, std::ios::binary);
    file << text;
    if (!file.flush()) return void(fs::remove(temporary, ignored));
  }
  fs::rename(temporary, path, ignored);
  if (ignored) fs::remove(temporary, ignored);
}

void keep_newest(const fs::path& folder, size_t most) {
  std::error_code error;
  std::vector<std::pair<fs::file_time_type, fs::path>> files;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error))
    files.emplace_back(entry->last_write_time(error), entry->path());
  if (files.size() <= most) return;
  std::sort(files.begin(), files.end());
  for (size_t i = 0; i < files.size() - most; ++i) fs::remove(files[i].second, error);
}

const std::string& machine_name() {
  static const std::string name = [] {
    std::string text = cpu_info().brand;
    for (const std::string& feature : cpu_info().features) text += " " + feature;
    return text;
  }();
  return name;
}

}  // namespace apus
