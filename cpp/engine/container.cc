#include "engine/container.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/crc32c.h"
#include "base/error.h"

namespace apus {
namespace {

constexpr uint8_t kMagic[8] = {0x89, 'A', 'P', 'U', 'S', 0x0D, 0x0A, 0x1A};
constexpr size_t kHeader = 64, kPage = 4096;
constexpr uint64_t kMaxJson = 64ull << 20;
constexpr uint16_t kMajor = 1;

[[noreturn]] void fail(const std::string& what) { throw Error(ErrorKind::artifact, what); }

[[noreturn]] void fail_to_open(const std::string& path) {
  const ErrorKind kind = errno == ENOENT ? ErrorKind::missing_file : ErrorKind::artifact;
  throw Error(kind, path + ": " + std::strerror(errno));
}

template <class T>
T field(std::span<const uint8_t> file, size_t offset) {
  T value;
  std::memcpy(&value, file.data() + offset, sizeof value);
  return value;
}

void check_zero(std::span<const uint8_t> bytes, const char* where) {
  if (std::any_of(bytes.begin(), bytes.end(), [](uint8_t b) { return b != 0; }))
    fail(std::string(where) + " is not zero");
}

void check_header(std::span<const uint8_t> file) {
  if (file.size() < kHeader) fail("too short: " + std::to_string(file.size()) + " bytes, the header alone has 64");
  if (!std::equal(std::begin(kMagic), std::end(kMagic), file.begin())) fail("not an .apus file (wrong first bytes)");
  if (field<uint32_t>(file, 60) != crc32c(file.data(), 60)) fail("header is damaged (CRC at offset 60 differs)");
  const auto major = field<uint16_t>(file, 8);
  if (major != kMajor)
    fail("needs Apus with format >= " + std::to_string(major) + ".0; this one reads " + std::to_string(kMajor) + ".x");
  if ((field<uint64_t>(file, 40) & ~kSegments) != 0)
    fail("uses features that this version lacks (critical bits at offset 40); needs a newer Apus");
  check_zero(file.subspan(52, 8), "reserved field at offset 52");
  if (field<uint64_t>(file, 32) != file.size())
    fail("truncated or extended: the header declares " + std::to_string(field<uint64_t>(file, 32)) +
         " bytes, the file has " + std::to_string(file.size()));
}

}  // namespace

// Reading past the last page of a mapping would fault, so the file is mapped over a larger anonymous mapping.
void FileBytes::map(int fd, size_t size) {
  const size_t mapped = align_up(size + kOverread, kPage);
  void* base = mmap(nullptr, mapped, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (base == MAP_FAILED) return;
  data_ = static_cast<const uint8_t*>(base);
  mapped_ = mapped;
  if (mmap(base, size, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0) != MAP_FAILED) size_ = size;
}

void FileBytes::read(int fd, size_t size) {
  copy_ = AlignedBuffer::hot(size);
  data_ = copy_.data();
  while (size_ < size) {
    const ssize_t got = ::read(fd, copy_.data() + size_, size - size_);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return void(size_ = 0);
    size_ += static_cast<size_t>(got);
  }
}

std::shared_ptr<FileBytes> FileBytes::open(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) fail_to_open(path);
  std::shared_ptr<FileBytes> file(new FileBytes);
  struct stat info;
  const bool regular = fstat(fd, &info) == 0 && S_ISREG(info.st_mode);
  const size_t size = regular ? static_cast<size_t>(info.st_size) : 0;
  if (size > kCopied)
    file->map(fd, size);
  else if (size > 0)
    file->read(fd, size);
  close(fd);
  if (!regular) fail("not a regular file");
  if (file->size_ != size) fail("cannot be read into memory");
  return file;
}

std::shared_ptr<FileBytes> FileBytes::copy(const void* data, size_t bytes) {
  AlignedBuffer buffer = AlignedBuffer::hot(bytes);
  if (bytes > 0) std::memcpy(buffer.data(), data, bytes);
  return own(std::move(buffer));
}

std::shared_ptr<FileBytes> FileBytes::own(AlignedBuffer bytes) {
  std::shared_ptr<FileBytes> file(new FileBytes);
  file->copy_ = std::move(bytes);
  file->data_ = file->copy_.data();
  file->size_ = file->copy_.size();
  return file;
}

FileBytes::~FileBytes() {
  if (mapped_ > 0) munmap(const_cast<uint8_t*>(data_), mapped_);
}

Container open_container(std::span<const uint8_t> file) {
  check_header(file);
  const uint64_t json_length = field<uint32_t>(file, 12), offset = field<uint64_t>(file, 16),
                 length = field<uint64_t>(file, 24);
  if (json_length < 2 || json_length > kMaxJson)
    fail("json_length " + std::to_string(json_length) + " is not in 2..2^26");
  const uint64_t json_end = kHeader + json_length;
  if (offset % kPage != 0 || offset < json_end || offset - json_end >= kPage)
    fail("payload_offset " + std::to_string(offset) + " is wrong");
  if (offset > file.size() || length != file.size() - offset)
    fail("payload_length " + std::to_string(length) + " disagrees with the file's size");
  const auto json = file.subspan(kHeader, json_length);
  if (crc32c(json.data(), json.size()) != field<uint32_t>(file, 48))
    fail("the graph (JSON at offset 64) is damaged (CRC differs)");
  check_zero(file.subspan(json_end, offset - json_end), "padding between JSON and payload");
  return {{reinterpret_cast<const char*>(json.data()), json.size()},
          file.subspan(offset, length),
          field<uint64_t>(file, 40)};
}

}  // namespace apus
