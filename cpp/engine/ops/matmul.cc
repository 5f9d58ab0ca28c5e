#include "kernels/matmul/matmul.h"

#include "engine/ops/ops.h"
#include "kernels/matmul/any.h"

namespace apus {
namespace {

struct Pair {
  int64_t a, b;  // offsets of one pair of matrices, in elements; those of y follow one another
};

template <class T, class Kernel>
struct MatmulStep {
  Kernel run;
  int a, b, y;
  int64_t m, n, k;
  std::vector<Pair> pairs;

  // All rows of all pairs are one range, so that one large product and many small ones share alike.
  void operator()(Slots s, int part, int parts) const {
    const int64_t total = m * static_cast<int64_t>(pairs.size());
    const int64_t last = total * (part + 1) / parts;
    for (int64_t at = total * part / parts; at < last;) {
      const int64_t pair = at / m, row = at % m, rows = std::min(m - row, last - at);
      const T* pa = reinterpret_cast<const T*>(s[a]) + pairs[static_cast<size_t>(pair)].a + row * k;
      const T* pb = reinterpret_cast<const T*>(s[b]) + pairs[static_cast<size_t>(pair)].b;
      run({pa, pb, reinterpret_cast<T*>(s[y]) + at * n, rows, n, k, k, n, n});
      at += rows;
    }
  }
};

// Offsets of an operand's matrices for every matrix of the result, under broadcasting of the leading dimensions.
std::vector<int64_t> matrix_offsets(const Shape& operand, const Shape& batch) {
  std::vector<int64_t> offsets = {0};
  const size_t rank = operand.size() - 2;
  std::vector<int64_t> strides(batch.size(), 0);
  int64_t stride = operand[rank] * operand[rank + 1];
  for (size_t i = 0; i < rank; ++i) {
    const size_t from = rank - 1 - i, to = batch.size() - 1 - i;
    if (operand[from] != 1) strides[to] = stride;
    stride *= operand[from];
  }
  for (size_t d = 0; d < batch.size(); ++d) {
    std::vector<int64_t> next;
    for (int64_t base : offsets)
      for (int64_t i = 0; i < batch[d]; ++i) next.push_back(base + i * strides[d]);
    offsets = std::move(next);
  }
  return offsets;
}

template <class T, class Kernel>
void add_matmul(Builder& b, const Node& node, Kernel kernel, double per_cycle) {
  Shape sa = b.shape(node.inputs[0]), sb = b.shape(node.inputs[1]);
  if (sa.size() == 1) sa.insert(sa.begin(), 1);
  if (sb.size() == 1) sb.push_back(1);
  const Shape batch = broadcast(node, Shape(sa.begin(), sa.end() - 2), Shape(sb.begin(), sb.end() - 2));
  MatmulStep<T, Kernel> step{
      kernel, b.slot(node.inputs[0]), b.slot(node.inputs[1]), b.output_slot(), sa[sa.size() - 2], sb.back(), sa.back(),
      {}};
  if (items_of(b.output_shape()) > 0) {
    const auto offsets_a = matrix_offsets(sa, batch), offsets_b = matrix_offsets(sb, batch);
    for (size_t i = 0; i < offsets_a.size(); ++i) step.pairs.push_back({offsets_a[i], offsets_b[i]});
  }
  NodeReport& report = b.report();
  report.macs = report.nonzero_macs = items_of(b.output_shape()) * step.k;
  b.add(std::move(step), b.threads_for(static_cast<double>(report.macs) / per_cycle));
}

template <class T>
void add_any(Builder& b, const Node& node) {
  b.report().kernel = std::string("matmul_") + dtype_name(b.output().dtype);
  add_matmul<T>(b, node, matmul_any<T>, 1);
}

}  // namespace

void plan_matmul(Builder& b, const Node& node) {
  switch (b.output().dtype) {
    case Dtype::float64:
      return add_any<double>(b, node);
    case Dtype::int32:
      return add_any<int32_t>(b, node);
    case Dtype::int64:
      return add_any<int64_t>(b, node);
    case Dtype::uint32:
      return add_any<uint32_t>(b, node);
    case Dtype::uint64:
      return add_any<uint64_t>(b, node);
    default:
      b.report().kernel = "matmul_f32";
      b.report().isa = matmul_isa(b.isa());
      add_matmul<float>(b, node, matmul_kernel(b.isa()), 16);
  }
}

}  // namespace apus
