#include "base/crc32c.h"

#include <array>
#include <cstring>

#if defined(__SSE4_2__)
#include <nmmintrin.h>
#endif

namespace apus {
namespace {

#if defined(__SSE4_2__)

// The instruction has a latency of 3 and a throughput of 1, so three independent streams run at full speed. Streams of
// kLane bytes are joined by shifting a CRC over kLane zero bytes, which is linear: four tables of 256 entries.
constexpr size_t kLane = 1024;

uint32_t step8(uint32_t crc, const uint8_t* p) {
  uint64_t word;
  std::memcpy(&word, p, 8);
  return static_cast<uint32_t>(_mm_crc32_u64(crc, word));
}

using ShiftTable = std::array<std::array<uint32_t, 256>, 4>;

ShiftTable make_shift() {
  std::array<uint32_t, 32> image{};  // where each single bit of a CRC goes
  for (int bit = 0; bit < 32; ++bit) {
    uint32_t crc = 1u << bit;
    for (size_t i = 0; i < kLane / 8; ++i) crc = static_cast<uint32_t>(_mm_crc32_u64(crc, 0));
    image[bit] = crc;
  }
  ShiftTable table{};
  for (int byte = 0; byte < 4; ++byte)
    for (int value = 0; value < 256; ++value)
      for (int bit = 0; bit < 8; ++bit)
        if ((value >> bit) & 1) table[byte][value] ^= image[8 * byte + bit];
  return table;
}

uint32_t shift_lane(uint32_t crc) {
  static const ShiftTable t = make_shift();
  return t[0][crc & 255] ^ t[1][(crc >> 8) & 255] ^ t[2][(crc >> 16) & 255] ^ t[3][crc >> 24];
}

uint32_t update(uint32_t crc, const uint8_t* p, size_t n) {
  for (; n >= 3 * kLane; p += 3 * kLane, n -= 3 * kLane) {
    uint32_t a = crc, b = 0, c = 0;
    for (size_t i = 0; i < kLane; i += 8) {
      a = step8(a, p + i);
      b = step8(b, p + kLane + i);
      c = step8(c, p + 2 * kLane + i);
    }
    crc = shift_lane(shift_lane(a) ^ b) ^ c;
  }
  for (; n >= 8; p += 8, n -= 8) crc = step8(crc, p);
  for (; n > 0; ++p, --n) crc = _mm_crc32_u8(crc, *p);
  return crc;
}

#else

std::array<uint32_t, 256> make_table() {
  std::array<uint32_t, 256> table{};
  for (uint32_t i = 0; i < 256; ++i) {
    uint32_t crc = i;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0x82F63B78u : 0);
    table[i] = crc;
  }
  return table;
}

uint32_t update(uint32_t crc, const uint8_t* p, size_t n) {
  static const std::array<uint32_t, 256> table = make_table();
  for (; n > 0; ++p, --n) crc = (crc >> 8) ^ table[(crc ^ *p) & 255];
  return crc;
}

#endif

}  // namespace

uint32_t crc32c(const void* data, size_t bytes, uint32_t seed) {
  return ~update(~seed, static_cast<const uint8_t*>(data), bytes);
}

}  // namespace apus
