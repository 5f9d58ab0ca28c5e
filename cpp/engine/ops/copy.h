// Steps that several operators share: plain copies, and conversions between float32 and quantised bytes.
#pragma once

#include <algorithm>
#include <cstring>

#include "engine/plan.h"
#include "kernels/quantize/quantize.h"

namespace apus {

// Items [first, last) of `part`, cut at multiples of 64 so that no two threads write one cache line.
struct Range {
  int64_t first, last;
};

inline Range share(int64_t items, int part, int parts) {
  const int64_t lines = (items + 63) / 64;
  return {std::min(items, lines * part / parts * 64), std::min(items, lines * (part + 1) / parts * 64)};
}

struct CopyBytes {
  int x, y;
  int64_t bytes;
  void operator()(Slots s, int part, int parts) const {
    const Range r = share(bytes, part, parts);
    if (r.last > r.first) std::memcpy(s[y] + r.first, s[x] + r.first, static_cast<size_t>(r.last - r.first));
  }
};

struct Quantize {
  const QuantizeTable* table;
  int x, y;
  int64_t items;
  float scale;
  int zero_point;
  void operator()(Slots s, int part, int parts) const {
    const Range r = share(items, part, parts);
    table->quantize(reinterpret_cast<const float*>(s[x]) + r.first, s[y] + r.first, r.last - r.first, scale,
                    zero_point);
  }
};

struct Dequantize {
  const QuantizeTable* table;
  int x, y;
  int64_t items;
  float scale;
  int zero_point;
  void operator()(Slots s, int part, int parts) const {
    const Range r = share(items, part, parts);
    table->dequantize(s[x] + r.first, reinterpret_cast<float*>(s[y]) + r.first, r.last - r.first, scale, zero_point);
  }
};

}  // namespace apus
