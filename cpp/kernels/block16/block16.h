// Vocabulary of the block16 kernels: weights packed 16x1 (src/apus/artifact/SPEC.md §3) and what follows the sum (§4).
//
// A strip is 16 consecutive outputs (rows). A block is 16 rows x 1 column; a group is G blocks of one strip, whatever
// their columns: G = 1 for float32, 2 for bfloat16, 4 for int8. All-zero blocks are absent, so "dense" is just every
// block present.
#pragma once

#include <cstdint>

namespace apus {

// Of x and y. bf16: of an x that was rounded where it was staged.
enum class Element : uint8_t { f32, u8, bf16 };

constexpr int64_t element_size(Element element) {
  return element == Element::f32 ? 4 : element == Element::bf16 ? 2 : 1;
}

// Bytes that every buffer given to a kernel must let it read (never write) past the end.
inline constexpr int64_t kSlack = 64;

// Borrowed pointers into the artifact, already validated. `values` is 64-byte aligned, but kernels do not rely on it.
struct Block16Weights {
  int64_t outputs = 0;  // M, of all groups of the convolution together
  int64_t inputs = 0;   // K, of one group
  int64_t groups = 1;   // of the convolution; strips run group-major
  const uint32_t* strips = nullptr;
  const void* columns = nullptr;      // uint16 or uint32 [B, G]; of runs [B], the first of four neighbours
  bool wide_columns = false;          // uint32
  bool runs = false;                  // block16x4
  int bits = 8;                       // of a weight, with a uint8 x: 8, or 4 or 2 (kernels/unpack)
  bool bf16 = false;                  // with a float32 x
  const void* values = nullptr;       // float32 [B, 16, 1] or bfloat16 [B, 16, 2]; with a uint8 x int8 [B, 16, 4], or
                                      // [B, 64 * bits / 8]
  const void* bias = nullptr;         // [M] float32, or int32 with a uint8 x; null: zeros
  const float* multiplier = nullptr;  // [M], with a uint8 x
};

// y = clamp(sum, low, high) for float32 x; with a uint8 x, v = float(sum) * multiplier[m] first, and
// y = clamp(round_half_even(v) + y_zero_point, low, high) if y is uint8, else clamp(v, low, high).
// Relu and clip are such clamps. Any other activation is a `unary` pass of the caller over a float32 y.
struct Epilogue {
  Element x = Element::f32;
  Element y = Element::f32;  // u8 needs x = u8
  int x_zero_point = 0;
  int y_zero_point = 0;
  float low = -__builtin_inff();  // uint8 y: integers in [0, 255]
  float high = __builtin_inff();
};

}  // namespace apus
