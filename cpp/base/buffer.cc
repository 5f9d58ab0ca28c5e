#include "base/buffer.h"

#include <sys/mman.h>

#include <cstring>
#include <new>

namespace apus {
namespace {

constexpr size_t kPage = 2 << 20;

// `bytes`, a multiple of kPage, at one; null if the system has no room.
uint8_t* map_pages(size_t bytes) {
  void* base = mmap(nullptr, bytes + kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  uint8_t* first = static_cast<uint8_t*>(base);
  uint8_t* aligned = reinterpret_cast<uint8_t*>(align_up(reinterpret_cast<uintptr_t>(first), kPage));
  if (aligned > first) munmap(first, static_cast<size_t>(aligned - first));
  if (aligned < first + kPage) munmap(aligned + bytes, static_cast<size_t>(first + kPage - aligned));
#ifdef MADV_HUGEPAGE
  madvise(aligned, bytes, MADV_HUGEPAGE);  // a wish: small pages are right too
#endif
  return aligned;
}

}  // namespace

void AlignedBuffer::Free::operator()(uint8_t* p) const {
  mapped > 0 ? static_cast<void>(munmap(p, mapped)) : ::operator delete(p, std::align_val_t{kAlign});
}

AlignedBuffer::AlignedBuffer(size_t bytes) : bytes_(bytes) {
  const size_t room = align_up(bytes) + kOverread;
  data_.reset(static_cast<uint8_t*>(::operator new(room, std::align_val_t{kAlign})));
  std::memset(data_.get(), 0, room);
}

AlignedBuffer AlignedBuffer::hot(size_t bytes) {
#ifdef __SANITIZE_ADDRESS__  // which watches the ends of what operator new gives
  return AlignedBuffer(bytes);
#endif
  const size_t mapped = align_up(bytes + kOverread, kPage);
  uint8_t* pages = bytes < kHuge ? nullptr : map_pages(mapped);
  if (pages == nullptr) return AlignedBuffer(bytes);
  AlignedBuffer buffer;
  buffer.bytes_ = bytes;
  buffer.data_ = {pages, Free{mapped}};
  return buffer;
}

}  // namespace apus
