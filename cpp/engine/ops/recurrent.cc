#include "kernels/recurrent/recurrent.h"

#include <cstring>

#include "engine/ops/blocks.h"
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

// Rows of so many floats in a slot, from one of them on.
struct Rows {
  int slot = -1;
  int64_t width = 0, from = 0;
  float* row(Slots s, int64_t index) const {
    return slot < 0 ? nullptr : reinterpret_cast<float*>(s[slot]) + index * width + from;
  }
};

// One step's gates; each part has units of every row.
struct Gates {
  GateKernel run;
  Rows x, p, h, c, y;
  int64_t batch, units;
  int64_t x_at = 0, y_at = 0;  // rows before this step's
  void operator()(Slots s, int part, int parts) const {
    const Range r = share(units, part, parts);
    for (int64_t b = 0; b < batch; ++b)
      run({x.row(s, x_at + b), p.row(s, b), h.row(s, b), c.row(s, b), y.row(s, y_at + b), units, r.first, r.last});
  }
};

// A product with the state of each step, chosen as any linear layer is.
struct Product {
  Images work;
  int threads;
};

Product product_of(Builder& b, const Block16Weights& weights, int64_t batch, int state) {
  const int64_t x_bytes = batch * weights.inputs * 4, y_bytes = batch * weights.outputs * 4;
  Images work{nullptr, state, b.scratch(y_bytes), -1, 1, x_bytes, y_bytes, 0};
  const Choice chosen = choose(b, block_kernels(b, std::make_shared<const NodeBlocks>(weights), batch, Epilogue{}),
                               {1, x_bytes, y_bytes});
  work.kernel = chosen.kernel;
  work.scratch_bytes = static_cast<int64_t>(align_up(static_cast<size_t>(work.kernel->scratch_bytes())));
  const int parts = work.kernel->owns_scratch() ? chosen.threads : 1;
  if (work.scratch_bytes > 0) work.scratch = b.scratch(work.scratch_bytes * parts);
  return {work, chosen.threads};
}

void add_product(Builder& b, const Product& product) {
  if (product.work.scratch_bytes > 0) b.add(StageImage{product.work}, product.threads);
  b.add(ComputeImage{product.work}, product.threads);
}

constexpr int64_t kStrip = 16;  // rows that a block has

// Rows first .. last of a matrix; `first` is the first of a strip.
Block16Weights rows_of(Block16Weights weights, int64_t first, int64_t last) {
  weights.strips += first / kStrip;
  weights.outputs = last - first;
  if (weights.bias != nullptr) weights.bias = static_cast<const float*>(weights.bias) + first;
  return weights;
}

// What both kinds of plan are made from.
struct Layer {
  Block16Weights weights;
  int64_t steps, batch, units;
  bool reverse;
  int x, y, state, cell;  // slots; cell: of an LSTM its own, of a GRU that resets first its z, else -1
  int accuracy;
  int64_t rows_before(int64_t t) const { return (reverse ? steps - 1 - t : t) * batch; }
};

// One product a step: p = h Rᵀ + b.
void plan_gates(Builder& b, const Node& node, const Layer& layer) {
  const int64_t H = layer.units, width = node.attributes.channels;
  const bool lstm = node.inputs.size() == 3;
  const Product product = product_of(b, layer.weights, layer.batch, layer.state);
  describe(b, node, *product.work.kernel, layer.steps, product.threads);
  const GateTable& table = gate_table(b.isa());
  Gates gates{(lstm ? table.lstm : table.gru)[layer.accuracy],
              {layer.x, width},
              {product.work.y, width},
              {layer.state, H},
              {layer.cell, H},
              {layer.y, lstm ? 2 * H : H},
              layer.batch,
              H};
  for (int64_t t = 0; t < layer.steps; ++t) {
    gates.x_at = gates.y_at = layer.rows_before(t);
    add_product(b, product);
    b.add(gates, product.threads);
  }
}

// Two products a step: of h for z and r, then of r h for n. Where a strip has rows of both, both compute it.
void plan_reset_first(Builder& b, const Node& node, const Layer& layer) {
  const int64_t H = layer.units, from = 2 * H / kStrip * kStrip;
  const int kept = b.scratch(layer.batch * H * 4 + kSlack);
  const Product first = product_of(b, rows_of(layer.weights, 0, 2 * H), layer.batch, layer.state);
  const Product second = product_of(b, rows_of(layer.weights, from, 3 * H), layer.batch, kept);
  describe(b, node, *first.work.kernel, layer.steps, first.threads);
  NodeReport& report = b.report();
  const double all = static_cast<double>((3 * H + kStrip - 1) / kStrip * H);
  const int columns = layer.weights.bf16 ? 2 : 1;  // of a group
  report.density = columns * layer.weights.strips[(3 * H + kStrip - 1) / kStrip] / all;
  report.macs = layer.steps * layer.batch * 3 * H * H;
  report.nonzero_macs = static_cast<int64_t>(report.density * static_cast<double>(report.macs));
  const GateTable& table = gate_table(b.isa());
  Gates reset{table.reset[layer.accuracy],
              {layer.x, 3 * H},
              {first.work.y, 2 * H},
              {layer.state, H},
              {layer.cell, H},
              {kept, H},
              layer.batch,
              H};
  Gates renew{table.renew[layer.accuracy],
              {layer.x, 3 * H, 2 * H},
              {second.work.y, 3 * H - from, 2 * H - from},
              {layer.state, H},
              {layer.cell, H},
              {layer.y, H},
              layer.batch,
              H};
  for (int64_t t = 0; t < layer.steps; ++t) {
    reset.x_at = renew.x_at = renew.y_at = layer.rows_before(t);
    add_product(b, first);
    b.add(reset, first.threads);
    add_product(b, second);
    b.add(renew, second.threads);
  }
}

}  // namespace

void plan_recurrent(Builder& b, const Node& node) {
  const Shape &h = b.shape(node.inputs[0]), &x = b.shape(node.inputs[1]);
  const int64_t steps = x[0], batch = h[0], units = h[1], bytes = batch * units * 4;
  const bool lstm = node.inputs.size() == 3, reset_first = node.attributes.reset_first;
  const int y = b.output_slot(), state = b.scratch(bytes + kSlack);
  const int cell = lstm || reset_first ? b.scratch(bytes) : -1;
  if (steps == 0 || batch == 0) return;
  b.add(BeginState{b.slot(node.inputs[0]), state, bytes});
  if (lstm) b.add(BeginState{b.slot(node.inputs[2]), cell, bytes});
  const Layer layer{NodeBlocks(b.model(), node, units, Element::f32).weights(),
                    steps,
                    batch,
                    units,
                    node.attributes.reverse,
                    b.slot(node.inputs[1]),
                    y,
                    state,
                    cell,
                    static_cast<int>(b.accuracy())};
  reset_first ? plan_reset_first(b, node, layer) : plan_gates(b, node, layer);
}

}  // namespace apus
