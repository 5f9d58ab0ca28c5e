// The file's container (SPEC.md §1): bytes in memory, and the header that says where JSON and payload lie.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/buffer.h"

namespace apus {

// The whole file, mapped or copied, with kOverread readable bytes past its end.
class FileBytes {
 public:
  static std::shared_ptr<FileBytes> map(const std::string& path);
  static std::shared_ptr<FileBytes> copy(const void* data, size_t bytes);
  ~FileBytes();
  FileBytes(const FileBytes&) = delete;
  FileBytes& operator=(const FileBytes&) = delete;
  std::span<const uint8_t> bytes() const { return {data_, size_}; }

 private:
  FileBytes() = default;
  const uint8_t* data_ = nullptr;
  size_t size_ = 0, mapped_ = 0;
  AlignedBuffer copy_;
};

struct Container {
  std::string_view json;
  std::span<const uint8_t> payload;
};

// Checks every rule of §1 but the tensors' own. Throws Error(artifact).
Container open_container(std::span<const uint8_t> file);

}  // namespace apus
