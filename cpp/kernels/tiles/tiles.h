// The tile registers of AMX, for sealed ISA files: eight, each of 16 rows of 64 bytes here.
//
//   tile_multiply_bytes(c, a, b): c[m, n] += sum over k, i of a[m, 4k + i] * b[k, 4n + i], int32, of int8 a, uint8 b
//   tile_multiply_pairs(c, a, b): c[m, n] += sum over k, i of a[m, 2k + i] * b[k, 2n + i], float32, of bfloat16
//
// Source: Intel 64 and IA-32 Architectures Software Developer's Manual, volume 1, chapter 18. Tile numbers are
// literals. With APUS_EMULATED_AMX the same in plain C++, so that kernels are tested where no CPU has tiles.
#pragma once
#if defined(__x86_64__)
#include <immintrin.h>

#include <cstdint>

namespace apus {
namespace {

#if !defined(APUS_EMULATED_AMX)

struct alignas(64) TileShapes {
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// Between the two, this thread has tiles.
inline void tiles_begin() {
  const TileShapes shapes;
  _tile_loadconfig(&shapes);
}
inline void tiles_end() { _tile_release(); }

#define tile_zero(t) _tile_zero(t)
#define tile_load(t, from) _tile_loadd(t, from, 64)
#define tile_store(t, to) _tile_stored(t, to, 64)
#define tile_multiply_bytes(c, a, b) _tile_dpbsud(c, a, b)
#define tile_multiply_pairs(c, a, b) _tile_dpbf16ps(c, a, b)

#else

struct Tile {
  union {
    uint8_t bytes[16][64];
    int8_t signed_bytes[16][64];
    uint16_t words[16][32];
    int32_t integers[16][16];
    float floats[16][16];
  };
};

thread_local Tile tiles[8];

inline void tiles_begin() { __builtin_memset(tiles, 0, sizeof tiles); }
inline void tiles_end() { __builtin_memset(tiles, 0xFF, sizeof tiles); }

inline void tile_zero(int t) { __builtin_memset(tiles + t, 0, sizeof(Tile)); }
inline void tile_load(int t, const void* from) { __builtin_memcpy(tiles + t, from, sizeof(Tile)); }
inline void tile_store(int t, void* to) { __builtin_memcpy(to, tiles + t, sizeof(Tile)); }

inline void tile_multiply_bytes(int c, int a, int b) {
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 16; ++n)
      for (int k = 0; k < 64; ++k)
        tiles[c].integers[m][n] += tiles[a].signed_bytes[m][k] * tiles[b].bytes[k / 4][4 * n + k % 4];
}

inline float widened(uint16_t bits) { return __builtin_bit_cast(float, static_cast<uint32_t>(bits) << 16); }

inline void tile_multiply_pairs(int c, int a, int b) {
  for (int m = 0; m < 16; ++m)
    for (int n = 0; n < 16; ++n)
      for (int k = 0; k < 32; ++k)
        tiles[c].floats[m][n] += widened(tiles[a].words[m][k]) * widened(tiles[b].words[k / 2][2 * n + k % 2]);
}

#endif

}  // namespace
}  // namespace apus
#endif
