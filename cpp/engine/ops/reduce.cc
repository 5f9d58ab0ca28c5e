#include "kernels/reduce/reduce.h"

#include "engine/ops/activation.h"
#include "engine/ops/copy.h"
#include "engine/ops/ops.h"

namespace apus {
namespace {

// One reduction: the middle of [outer, count, inner].
struct Fold {
  int64_t outer, count, inner;
};

// The input's dimensions as alternating runs that stay or go; each run that goes becomes one fold, innermost first.
std::vector<Fold> find_folds(const Attributes& a, const Shape& x) {
  std::vector<bool> goes(x.size(), false);
  for (int64_t axis : a.axes) goes[static_cast<size_t>(positive_axis(axis, x.size()))] = true;
  std::vector<Fold> folds;
  int64_t inner = 1;
  for (size_t i = x.size(); i-- > 0;) {
    if (!goes[i]) {
      inner *= x[i];
      continue;
    }
    int64_t count = x[i];
    for (; i > 0 && goes[i - 1]; --i) count *= x[i - 1];
    folds.push_back({items_of(Shape(x.begin(), x.begin() + static_cast<int64_t>(i))), count, inner});
  }
  return folds;
}

using Sum = void (*)(const float*, float*, int64_t, int64_t, int64_t);

struct FoldStep {
  Sum run;
  Fold fold;
  int x, y;
  void operator()(Slots s, int part, int parts) const {
    const int64_t first = fold.outer * part / parts, last = fold.outer * (part + 1) / parts;
    run(reinterpret_cast<const float*>(s[x]) + first * fold.count * fold.inner,
        reinterpret_cast<float*>(s[y]) + first * fold.inner, last - first, fold.count, fold.inner);
  }
};

struct DivideStep {
  float by;
  int y;
  int64_t items;
  void operator()(Slots s, int, int) const {
    float* p = reinterpret_cast<float*>(s[y]);
    for (int64_t i = 0; i < items; ++i) p[i] /= by;
  }
};

// Sums of bytes are exact, so the mean is rounded once: q = round(float(sum - n zp_x) * (s_x / n) / s_y) + zp_y.
struct ByteFoldStep {
  void (*run)(const uint8_t*, int32_t*, int64_t, int64_t, int64_t);
  const QuantizeTable* quantize;
  Fold fold;
  int x, y, scratch;
  float factor, scale;
  int x_zero_point, zero_point;
  void operator()(Slots s, int part, int parts) const {
    const int64_t first = fold.outer * part / parts, last = fold.outer * (part + 1) / parts,
                  items = (last - first) * fold.inner;
    int32_t* sums = reinterpret_cast<int32_t*>(s[scratch]) + first * fold.inner;
    run(s[x] + first * fold.count * fold.inner, sums, last - first, fold.count, fold.inner);
    float* reals = reinterpret_cast<float*>(sums);  // in place: same size, read before written
    const int32_t offset = static_cast<int32_t>(fold.count) * x_zero_point;
    for (int64_t i = 0; i < items; ++i) {
      const float real = static_cast<float>(sums[i] - offset) * factor;
      std::memcpy(&reals[i], &real, sizeof real);
    }
    quantize->quantize(reals, s[y] + first * fold.inner, items, scale, zero_point);
  }
};

void plan_bytes(Builder& b, const Node& node, const Fold& fold) {
  const Value &x = b.value(node.inputs[0]), &y = b.output();
  const double n = node.attributes.reduce == Reduce::mean ? static_cast<double>(fold.count) : 1.0;
  const int64_t items = fold.outer * fold.inner;
  b.report().kernel = "reduce_u8";
  b.add(ByteFoldStep{reduce_table(b.isa()).byte_sum, &quantize_table(b.isa()), fold, b.slot(node.inputs[0]),
                     b.output_slot(), b.scratch(items * 4), static_cast<float>(static_cast<double>(x.scale) / n),
                     y.scale, x.zero_point, y.zero_point},
        fold.outer > 1 ? b.threads_for(static_cast<double>(items * fold.count) / 8) : 1);
}

Sum kernel_of(const ReduceTable& table, Reduce function) {
  if (function == Reduce::max) return table.max;
  return function == Reduce::min ? table.min : table.sum;
}

void plan_floats(Builder& b, const Node& node, std::vector<Fold> folds) {
  const Reduce function = node.attributes.reduce;
  const Sum run = kernel_of(reduce_table(b.isa()), function);
  int x = b.float_slot(node.inputs[0]);
  const int y = b.float_output_slot();
  const int64_t items = items_of(b.output_shape());
  double count = 1;
  b.report().kernel = "reduce_f32";
  if (folds.empty()) b.add(CopyBytes{x, y, items * 4});
  for (size_t i = 0; i < folds.size(); ++i) {
    const Fold& f = folds[i];
    const int to = i + 1 == folds.size() ? y : b.scratch(f.outer * f.inner * 4);
    b.add(FoldStep{run, f, x, to},
          f.outer > 1 ? b.threads_for(static_cast<double>(f.outer * f.count * f.inner) / 4) : 1);
    x = to;
    count *= static_cast<double>(f.count);
  }
  if (function == Reduce::mean && !folds.empty()) b.add(DivideStep{static_cast<float>(count), y, items});
  b.finish_float();
}

struct AnyFoldStep {
  FoldKernel run;
  Fold fold;
  int64_t element;
  int x, y;
  void operator()(Slots s, int part, int parts) const {
    const int64_t first = fold.outer * part / parts, last = fold.outer * (part + 1) / parts;
    run(s[x] + first * fold.count * fold.inner * element, s[y] + first * fold.inner * element,
        {last - first, fold.count, fold.inner});
  }
};

Folding folding_of(Reduce function) {
  if (function == Reduce::prod) return Folding::prod;
  if (function == Reduce::sum) return Folding::sum;
  return function == Reduce::max ? Folding::max : Folding::min;
}

// Every other dtype, and products.
void plan_any(Builder& b, const Node& node, const std::vector<Fold>& folds) {
  const Dtype dtype = b.output().dtype;
  const int64_t element = dtype_size(dtype);
  const FoldKernel run = fold_kernel(folding_of(node.attributes.reduce), dtype);
  int x = b.slot(node.inputs[0]);
  const int y = b.output_slot();
  b.report().kernel = std::string("fold_") + dtype_name(dtype);
  if (folds.empty()) b.add(CopyBytes{x, y, items_of(b.output_shape()) * element});
  for (size_t i = 0; i < folds.size(); ++i) {
    const Fold& f = folds[i];
    const int to = i + 1 == folds.size() ? y : b.scratch(f.outer * f.inner * element);
    b.add(AnyFoldStep{run, f, element, x, to},
          f.outer > 1 ? b.threads_for(static_cast<double>(f.outer * f.count * f.inner)) : 1);
    x = to;
  }
}

}  // namespace

void plan_reduce(Builder& b, const Node& node) {
  std::vector<Fold> folds = find_folds(node.attributes, b.shape(node.inputs[0]));
  const Reduce function = node.attributes.reduce;
  if (function == Reduce::prod || (b.output().dtype != Dtype::float32 && !b.output().quantised))
    return plan_any(b, node, folds);
  const bool sums = function == Reduce::mean || function == Reduce::sum;
  b.report().isa = reduce_table(b.isa()).isa;
  constexpr int64_t kMaxBytes = (1 << 23) - 1;  // 255 times more fits 31 bits
  if (b.output().quantised && sums && folds.size() == 1 && folds[0].count > 0 && folds[0].count <= kMaxBytes)
    return plan_bytes(b, node, folds[0]);
  plan_floats(b, node, std::move(folds));
}

}  // namespace apus
