// One step of WaveGRU: matrix times vector in five formats, the gates, and the walk down the tree of bits.
//
//   recurrent = U h + b                    3H outputs: r, z, n one after another
//   r = sigmoid(table_r + condition_r + recurrent_r)        z likewise
//   n = tanh(table_n + condition_n + r recurrent_n)         h' = n + z (h - n)
//   code: from the root, bit = nodes . relu(head) + bias > threshold, where threshold = logit(u), u uniform
//
// Float kernels are one body of vector code that no ISA contracts, and integer sums are exact: every ISA and every
// split into parts gives the same bits. Outputs and inputs are multiples of 16. Buffers have kSlack readable bytes
// behind.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

inline constexpr int kWaveGruBits = 8;
inline constexpr int kWaveGruSubtrees = 17;  // of 15 nodes in heap order: the upper four levels, then one per prefix

// Errors of the fast functions: tanh 8e-5, sigmoid 4e-5.
inline constexpr float kWaveGruTanhError = 8e-5f;

struct WaveGruGather;

// A strip is 16 consecutive outputs. `values` by kind:
//   dense_f32   [M/16][K][16] float                      no columns
//   csr_f32     float by row; strips is [M + 1]          columns by value
//   block_f32   [B][16] float                            columns [B]
//   block_bf16  [B][16] bfloat16                         columns [B]
//   block_s8    WaveGruStrip by strip; strips counts groups   columns [G][4], the last ones repeated with zero values
struct WaveGruMatrix {
  int64_t outputs = 0, inputs = 0;
  const uint32_t* strips = nullptr;
  const uint16_t* columns = nullptr;
  const void* values = nullptr;
  const float* bias = nullptr;  // [M]
  // block_s8 with up to 1024 inputs, for CPUs that gather bytes within registers: 64 columns at a time.
  const uint32_t* gathers = nullptr;      // [M/16 + 1]
  const WaveGruGather* gather = nullptr;  // [N + 1], the last one empty, to be read ahead
};

// All of a strip of block_s8 in the order in which it is read: one stream, which CPUs fetch best.
struct alignas(64) WaveGruStrip {
  int32_t offset[16];  // starts the sum, -128 times the row's
  float scale[16];     // of the exact sum
  float bias[16];
  const int8_t* groups() const { return reinterpret_cast<const int8_t*>(this + 1); }  // [.][16][4]
};

struct alignas(64) WaveGruGather {
  uint8_t low[64];   // column % 128
  uint64_t from[8];  // lanes whose column / 128 is the index
};

inline const WaveGruStrip& wavegru_strip(const WaveGruMatrix& w, int64_t strip) {
  const int64_t before =
      static_cast<int64_t>(sizeof(WaveGruStrip)) * strip + 64 * static_cast<int64_t>(w.strips[strip]);
  return *reinterpret_cast<const WaveGruStrip*>(static_cast<const char*>(w.values) + before);
}

enum class WaveGruKind : uint8_t { dense_f32, csr_f32, block_f32, block_bf16, block_s8 };
inline constexpr int kWaveGruKinds = 5;

// y[16 first .. 16 last) = W x + bias. x: float [K], or for block_s8 uint8 [K], 128 + round(127 h).
using WaveGruMatvec = void (*)(const WaveGruMatrix& w, const void* x, float* y, int64_t first, int64_t last);

struct WaveGruGates {
  const float *table, *condition, *recurrent;  // [3H] each
  const float* before;                         // [H]
  float* after;                                // [H]
  uint8_t* quantised;                          // [H] of `after`
  int64_t hidden;
};

struct WaveGruTree {
  const float* nodes;       // [17][D][16]; the 16th column of each is zero
  const float* bias;        // [17][16]
  const float* thresholds;  // [8]
  int64_t inputs;           // D
};

struct WaveGruTable {
  Isa isa;
  WaveGruMatvec matvec[kWaveGruKinds];
  // sum[first .. last) of all rows, in their order; both ends are multiples of 16.
  void (*add_rows)(const float* const* rows, int count, float* sum, int64_t first, int64_t last);
  void (*gates)(const WaveGruGates& g, int64_t first, int64_t last);  // units [first, last), multiples of 16
  // `head` is rectified in place.
  uint8_t (*tree)(const WaveGruTree& tree, float* head);
  void (*fast_tanh)(const float* x, float* y, int64_t n);  // for tests; n is a multiple of 16
};

// The best table of at most `isa`.
const WaveGruTable& wavegru_table(Isa isa);

}  // namespace apus
