#include "c/status.h"

#include <algorithm>
#include <cstring>

namespace apus {
namespace {

// Fixed, so that keeping an error cannot itself fail.
thread_local char last[2048] = "";

}  // namespace

void refuse(const std::string& message) { throw Refusal{APUS_BAD_ARGUMENT, message}; }

const char* last_failure() noexcept { return last; }

apus_status fail(apus_status status, const char* message) noexcept {
  size_t size = std::min(std::strlen(message), sizeof last - 1);
  if (size == sizeof last - 1)  // cut, but never within a character
    while (size > 0 && (static_cast<unsigned char>(message[size]) & 0xC0) == 0x80) --size;
  std::memmove(last, message, size);
  last[size] = '\0';
  return status;
}

apus_status status_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::artifact:
      return APUS_BAD_MODEL;
    case ErrorKind::missing_file:
      return APUS_MISSING_FILE;
    case ErrorKind::isa:
      return APUS_BAD_ISA;
    default:
      return APUS_BAD_ARGUMENT;
  }
}

}  // namespace apus
