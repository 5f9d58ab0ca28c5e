// Gates of one step of a GRU or LSTM, for the units first .. last of one row: everything but the product p = h Rᵀ + b.
//
//   gru:   z = s(x_z + p_z), r = s(x_r + p_r), n = tanh(x_n + r p_n), h' = n + z (h - n)         x, p: [z | r | n]
//   reset: z = s(x_z + p_z), r = s(x_r + p_r), h' = r h; p: [z | r]       a GRU that resets before the product
//   renew: n = tanh(x_n + p_n), h' = n + z (h - n)                        x, p: n alone, with p of r h
//   lstm:  i, o, f = s(x + p), g = tanh(x_g + p_g), c' = f c + i g, h' = o tanh(c')              x, p: [i | o | f | g]
//
// s is the sigmoid. x and p hold gates of H units; y gets h', of an LSTM [h' | c']. h and c are read and written in
// place, but `reset` leaves h as it is; c holds z between `reset` and `renew`. Sigmoid and tanh are those of unary.h,
// so every ISA gives the same bits. Reads and writes exactly.
#pragma once

#include <cstdint>

#include "base/isa.h"
#include "kernels/unary/unary.h"

namespace apus {

struct GateArguments {
  const float *x, *p;
  float *h, *c, *y;
  int64_t units, first, last;  // H, and those of this call
};

using GateKernel = void (*)(const GateArguments&);

struct GateTable {
  Isa isa;
  GateKernel gru[2], lstm[2], reset[2], renew[2];  // by Accuracy
};

// The best table of at most `isa`.
const GateTable& gate_table(Isa isa);

// Estimated cycles of a unit, by `isa`.
double gate_cost(Isa isa);

}  // namespace apus
