// Arithmetic on sizes that a file declares: an overflow is an error, never a wrap.
#pragma once

#include <cstdint>
#include <span>

#include "base/error.h"

namespace apus {

inline int64_t checked_mul(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_mul_overflow(a, b, &result)) throw Error(ErrorKind::artifact, "a size overflows 63 bits");
  return result;
}

inline int64_t checked_add(int64_t a, int64_t b) {
  int64_t result;
  if (__builtin_add_overflow(a, b, &result)) throw Error(ErrorKind::artifact, "a size overflows 63 bits");
  return result;
}

// Items of a shape. A zero anywhere gives zero, whatever the others would overflow to.
inline int64_t checked_items(std::span<const int64_t> shape) {
  for (int64_t d : shape)
    if (d == 0) return 0;
  int64_t items = 1;
  for (int64_t d : shape) items = checked_mul(items, d);
  return items;
}

}  // namespace apus
