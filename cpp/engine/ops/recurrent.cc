#include "kernels/recurrent/recurrent.h"

#include <cstring>

#include "engine/ops/copy.h"
#include "engine/ops/ops.h"
#include "engine/ops/weighted.h"

namespace apus {
namespace {

// The state that the steps hand on, in memory of ours: kernels read past the end of h.
struct BeginState {
  int from, state;
  int64_t bytes;
  void operator()(Slots s, int, int) const { std::memcpy(s[state], s[from], static_cast<size_t>(bytes)); }
};

// One step's gates; each part has units of every row.
struct Gates {
  GateKernel run;
  int x, p, h, c, y;  // c: -1 for a GRU
  int64_t batch, units, gates, step;
  void operator()(Slots s, int part, int parts) const {
    const auto row = [&](int slot, int64_t index, int64_t width) {
      return slot < 0 ? nullptr : reinterpret_cast<float*>(s[slot]) + index * width;
    };
    const int64_t shown = c < 0 ? units : 2 * units;
    const Range r = share(units, part, parts);
    for (int64_t b = 0; b < batch; ++b) {
      const int64_t at = step * batch + b;
      run({row(x, at, gates * units), row(p, b, gates * units), row(h, b, units), row(c, b, units), row(y, at, shown),
           units, r.first, r.last});
    }
  }
};

// The product h Rᵀ + b of a step, chosen as any linear layer is.
Images product_of(Builder& b, const Node& node, int64_t batch, int64_t units, int state, int& threads) {
  Images work{nullptr,
              state,
              b.scratch(batch * node.attributes.channels * 4),
              -1,
              1,
              batch * units * 4,
              batch * node.attributes.channels * 4,
              0};
  const Epilogue plain;
  const auto candidates = linear_kernels(b, node, units, batch, plain);
  const Choice chosen = choose(b, candidates, {1, work.x_bytes, work.y_bytes});
  work.kernel = chosen.kernel;
  threads = chosen.threads;
  work.scratch_bytes = static_cast<int64_t>(align_up(static_cast<size_t>(work.kernel->scratch_bytes())));
  if (work.scratch_bytes > 0) work.scratch = b.scratch(work.scratch_bytes);
  return work;
}

}  // namespace

void plan_recurrent(Builder& b, const Node& node) {
  const Shape &h = b.shape(node.inputs[0]), &x = b.shape(node.inputs[1]);
  const int64_t steps = x[0], batch = h[0], units = h[1], bytes = batch * units * 4;
  const bool lstm = node.inputs.size() == 3;
  const int y = b.output_slot(), state = b.scratch(bytes + kSlack), cell = lstm ? b.scratch(bytes) : -1;
  if (steps == 0 || batch == 0) return;
  int threads = 1;
  const Images product = product_of(b, node, batch, units, state, threads);
  describe(b, node, *product.kernel, steps, threads);
  const GateTable& table = gate_table(b.isa());
  const int accuracy = static_cast<int>(b.accuracy());
  b.add(BeginState{b.slot(node.inputs[0]), state, bytes});
  if (lstm) b.add(BeginState{b.slot(node.inputs[2]), cell, bytes});
  Gates gates{(lstm ? table.lstm : table.gru)[accuracy],
              b.slot(node.inputs[1]),
              product.y,
              state,
              cell,
              y,
              batch,
              units,
              lstm ? 4 : 3,
              0};
  for (int64_t t = 0; t < steps; ++t) {
    gates.step = node.attributes.reverse ? steps - 1 - t : t;
    if (product.scratch_bytes > 0) b.add(StageImage{product}, threads);
    b.add(ComputeImage{product}, threads);
    b.add(gates, threads);
  }
}

}  // namespace apus
