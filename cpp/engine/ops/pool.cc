#include "kernels/pool/pool.h"

#include "engine/ops/ops.h"

namespace apus {
namespace {

template <class T>
struct PoolStep {
  void (*run)(const T* x, T* y, const PoolWindow& window, T* scratch);
  PoolWindow window;
  int x, y, scratch;
  int64_t planes, row_bytes;

  void operator()(Slots s, int part, int parts) const {
    const int64_t from = window.height * window.width, to = window.out_height * window.out_width;
    T* row = reinterpret_cast<T*>(s[scratch] + part * row_bytes);
    for (int64_t p = planes * part / parts; p < planes * (part + 1) / parts; ++p)
      run(reinterpret_cast<const T*>(s[x]) + p * from, reinterpret_cast<T*>(s[y]) + p * to, window, row);
  }
};

template <class T>
void add_pool(Builder& b, const Node& node, decltype(PoolStep<T>::run) run, int x, int y) {
  const Shape& shape = b.shape(node.inputs[0]);
  PoolStep<T> step{run, pool_window(node.attributes, shape, b.output_shape()), x, y, -1, shape[0] * shape[1], 0};
  const double taps = static_cast<double>(step.window.kernel[0] + step.window.kernel[1]);
  const int parts = b.threads_for(static_cast<double>(items_of(b.output_shape())) * taps / 2);
  step.row_bytes = static_cast<int64_t>(align_up(static_cast<size_t>(step.window.width) * sizeof(T)));
  step.scratch = b.scratch(step.row_bytes * parts);
  b.add(std::move(step), parts);
}

}  // namespace

void plan_max_pool(Builder& b, const Node& node) {
  const PoolTable& table = pool_table(b.isa());
  b.report().isa = table.isa;
  b.report().kernel = b.output().quantised ? "max_pool_u8" : "max_pool_f32";
  const int x = b.slot(node.inputs[0]), y = b.output_slot();
  if (b.output().quantised) return add_pool<uint8_t>(b, node, table.max_bytes, x, y);
  add_pool<float>(b, node, table.max, x, y);
}

void plan_avg_pool(Builder& b, const Node& node) {
  const PoolTable& table = pool_table(b.isa());
  b.report().isa = table.isa;
  b.report().kernel = "avg_pool_f32";
  const int x = b.float_slot(node.inputs[0]), y = b.float_output_slot();
  add_pool<float>(b, node, table.avg, x, y);
  b.finish_float();
}

}  // namespace apus
