// The file's container (SPEC.md §1): bytes in memory, and the header that says where JSON and payload lie.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/buffer.h"

namespace apus {

// The whole file, with kOverread readable bytes past its end. A small one is read into huge pages, where the caches may
// hold all of it; a large one is mapped.
class FileBytes {
 public:
  static std::shared_ptr<FileBytes> open(const std::string& path);
  static std::shared_ptr<FileBytes> copy(const void* data, size_t bytes);
  static std::shared_ptr<FileBytes> own(AlignedBuffer bytes);
  ~FileBytes();
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  static constexpr size_t kCopied = 16 << 20;

  FileBytes() = default;
  void map(int fd, size_t size);
  void read(int fd, size_t size);  // size_ stays 0 where that fails

  const uint8_t* data_ = nullptr;
  size_t size_ = 0, mapped_ = 0;
  AlignedBuffer copy_;
};

struct Container {
  std::string_view json;
  std::span<const uint8_t> payload;
  uint64_t critical;  // feature bits, all known
};

inline constexpr uint64_t kSegments = 1;  // parts of the network are files of their own (§7)

// Checks every rule of §1 but the tensors' own. Throws Error(artifact).
Container open_container(std::span<const uint8_t> file);

}  // namespace apus
