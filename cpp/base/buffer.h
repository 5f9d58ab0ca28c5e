// Owned memory for tensors: 64-byte aligned, zeroed, with 64 readable bytes past the end, so that kernels may read
// whole vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace apus {

inline constexpr size_t kAlign = 64;
inline constexpr size_t kOverread = 64;

inline constexpr size_t align_up(size_t bytes, size_t to = kAlign) { return (bytes + to - 1) / to * to; }

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes);
  // For what every run reads. From kHuge on it lies in huge pages, if the system has any: scattered small ones
  // overload some sets of a cache that could hold them all.
  static AlignedBuffer hot(size_t bytes);
  static constexpr size_t kHuge = 256 << 10;

  uint8_t* data() const { return data_.get(); }
  size_t size() const { return bytes_; }

 private:
  struct Free {
    size_t mapped;  // bytes; 0: from operator new
    void operator()(uint8_t* p) const;
  };
  size_t bytes_ = 0;
  std::unique_ptr<uint8_t, Free> data_{nullptr, Free{0}};
};

}  // namespace apus
