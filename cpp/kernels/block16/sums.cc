#include "kernels/block16/sums.h"

#include <algorithm>
#include <cstring>

#include "kernels/block16/strip.h"
#include "kernels/unpack/unpack.h"

namespace apus {
namespace {

constexpr int64_t kGroup = 64;   // bytes
constexpr int64_t kChunk = 128;  // groups whose bytes fit 16 bits when two of each are added: 128 * 2 * 255 < 2^16

// A row's four weights are a word; four operations on words of 16 rows, which compilers turn into vectors. `bytes`
// makes unsigned bytes of a word's.
template <class Bytes>
void add_chunk(const uint8_t* values, int64_t groups, int64_t less, int64_t* sums, Bytes bytes) {
  uint32_t halves[kStrip] = {};
  for (int64_t g = 0; g < groups; ++g) {
    uint32_t words[kStrip];
    std::memcpy(words, values + g * kGroup, kGroup);
    for (int row = 0; row < kStrip; ++row) {
      const uint32_t word = bytes(words[row]);
      halves[row] += (word & 0x00FF00FF) + ((word >> 8) & 0x00FF00FF);
    }
  }
  for (int row = 0; row < kStrip; ++row) sums[row] += (halves[row] & 0xFFFF) + (halves[row] >> 16) - groups * less;
}

template <class Bytes>
void add(const void* values, int bits, int64_t first, int64_t last, int64_t less, int64_t* sums, Bytes bytes) {
  const UnpackTable& table = unpack_table(Isa::scalar);
  const uint8_t* from = static_cast<const uint8_t*>(values) + first * kGroup * bits / 8;
  int8_t unpacked[kChunk * kGroup];
  for (int64_t done = first; done < last; done += kChunk) {
    const int64_t groups = std::min(kChunk, last - done);
    if (bits < 8) (bits == 4 ? table.four : table.two)(from, groups, unpacked);
    add_chunk(bits < 8 ? reinterpret_cast<const uint8_t*>(unpacked) : from, groups, less, sums, bytes);
    from += groups * kGroup * bits / 8;
  }
}

}  // namespace

// 128 is added to each weight, and taken away from the sum of four.
void add_rows(const void* values, int bits, int64_t first, int64_t last, int64_t* sums) {
  add(values, bits, first, last, 4 * 128, sums, [](uint32_t word) { return word ^ 0x80808080; });
}

// -w is ~w + 1, and no byte carries into the next: -128 becomes 128.
void add_magnitudes(const void* values, int bits, int64_t first, int64_t last, int64_t* sums) {
  add(values, bits, first, last, 0, sums, [](uint32_t word) {
    const uint32_t negative = (word >> 7) & 0x01010101;
    return (word ^ ((negative << 8) - negative)) + negative;
  });
}

}  // namespace apus
