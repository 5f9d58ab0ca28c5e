// Owned memory for tensors: 64-byte aligned, zeroed, with 64 readable bytes past the end, so that kernels may read
// whole vectors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <new>

namespace apus {

inline constexpr size_t kAlign = 64;
inline constexpr size_t kOverread = 64;

inline constexpr size_t align_up(size_t bytes, size_t to = kAlign) { return (bytes + to - 1) / to * to; }

class AlignedBuffer {
 public:
  AlignedBuffer() = default;
  explicit AlignedBuffer(size_t bytes) : bytes_(bytes), data_(allocate(bytes)) {
    std::memset(data_.get(), 0, align_up(bytes) + kOverread);
  }
  uint8_t* data() const { return data_.get(); }
  size_t size() const { return bytes_; }

 private:
  struct Free {
    void operator()(uint8_t* p) const { ::operator delete(p, std::align_val_t{kAlign}); }
  };
  static uint8_t* allocate(size_t bytes) {
    return static_cast<uint8_t*>(::operator new(align_up(bytes) + kOverread, std::align_val_t{kAlign}));
  }
  size_t bytes_ = 0;
  std::unique_ptr<uint8_t, Free> data_;
};

}  // namespace apus
