// Random numbers, and what is said of a difference.
#pragma once

#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "base/buffer.h"
#include "kernels/block16/block16.h"

namespace apus {

inline std::mt19937 generator(7);

inline int64_t below(int64_t end) { return static_cast<int64_t>(generator() % static_cast<uint64_t>(end)); }
inline float real() { return static_cast<float>(generator() % 20001) / 1e4f - 1; }

[[noreturn]] inline void differ(const std::string& name, const std::string& where) {
  std::fprintf(stderr, "%s differs from scalar: %s\n", name.c_str(), where.c_str());
  std::exit(1);
}

inline AlignedBuffer random_input(Element element, int64_t count) {
  AlignedBuffer x(static_cast<size_t>(count * element_size(element) + kSlack));
  for (int64_t i = 0; i < count; ++i) {
    if (element == Element::f32)
      reinterpret_cast<float*>(x.data())[i] = real();
    else
      x.data()[i] = static_cast<uint8_t>(below(3) ? generator() : below(2) * 255);
  }
  return x;
}

inline constexpr int64_t kGuard = 96;  // bytes behind y that must keep their value

inline int8_t random_weight(int bits) {
  const int most = 1 << (bits - 1);
  return static_cast<int8_t>(below(4) ? below(2 * most) - most : below(2) ? -most : most - 1);
}

// functions.cc: kernels that are not operators with weights.
void check_functions();
// Those that are swept once.
void check_all_floats();

}  // namespace apus
