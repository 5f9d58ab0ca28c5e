#include "kernels/binary/binary.h"

#include "engine/ops/activation.h"
#include "engine/ops/copy.h"
#include "engine/ops/ops.h"

namespace apus {
namespace {

// The iteration space: y is contiguous, a and b walk with strides of 0 where they repeat. Outermost first.
struct Loops {
  struct Dimension {
    int64_t size, a, b;
  };
  std::vector<Dimension> dimensions;

  int64_t inner() const { return dimensions.back().size; }
  int64_t outer() const {
    int64_t count = 1;
    for (size_t i = 0; i + 1 < dimensions.size(); ++i) count *= dimensions[i].size;
    return count;
  }
  Form form() const {
    const Dimension& d = dimensions.back();
    return d.a != 0 && d.b != 0 ? Form::vector_vector : d.b == 0 ? Form::vector_scalar : Form::scalar_vector;
  }
};

Loops make_loops(const Shape& a, const Shape& b, const Shape& y) {
  Loops loops;
  int64_t stride_a = 1, stride_b = 1;
  for (size_t i = 0; i < y.size(); ++i) {
    const int64_t size = y[y.size() - 1 - i];
    const int64_t da = i < a.size() ? a[a.size() - 1 - i] : 1, db = i < b.size() ? b[b.size() - 1 - i] : 1;
    const Loops::Dimension d{size, da == 1 ? 0 : stride_a, db == 1 ? 0 : stride_b};
    stride_a *= da;
    stride_b *= db;
    if (size == 1) continue;
    auto& all = loops.dimensions;  // innermost first while we build
    const bool joins = !all.empty() && d.a == all.back().a * all.back().size && d.b == all.back().b * all.back().size;
    if (joins) {
      all.back().size *= size;
    } else {
      all.push_back(d);
    }
  }
  std::reverse(loops.dimensions.begin(), loops.dimensions.end());
  if (loops.dimensions.empty()) loops.dimensions.push_back({1, 1, 1});
  return loops;
}

// Runs `kernel` over the outer iterations, or, where there is only one, over a share of the inner one.
template <class T, class Kernel, class Parameters>
struct BinaryStep {
  Kernel kernel;
  Parameters parameters;
  int a, b, y;
  Loops loops;

  void operator()(Slots s, int part, int parts) const {
    const T *pa = reinterpret_cast<const T*>(s[a]), *pb = reinterpret_cast<const T*>(s[b]);
    T* py = reinterpret_cast<T*>(s[y]);
    const int64_t inner = loops.inner(), outer = loops.outer();
    if (outer == 1) {
      const Range r = share(inner, part, parts);
      const auto& d = loops.dimensions.back();
      if (r.last > r.first) kernel(pa + r.first * d.a, pb + r.first * d.b, py + r.first, r.last - r.first, parameters);
      return;
    }
    walk(pa, pb, py, inner, outer * part / parts, outer * (part + 1) / parts);
  }

  void walk(const T* pa, const T* pb, T* py, int64_t inner, int64_t first, int64_t last) const {
    if (first == last) return;  // an empty tensor has dimensions of 0, by which nothing divides
    const size_t rank = loops.dimensions.size() - 1;
    int64_t index[8] = {}, offset_a = 0, offset_b = 0;
    for (int64_t i = rank, rest = first; i-- > 0; rest /= loops.dimensions[static_cast<size_t>(i)].size) {
      const auto& d = loops.dimensions[static_cast<size_t>(i)];
      index[i] = rest % d.size;
      offset_a += index[i] * d.a;
      offset_b += index[i] * d.b;
    }
    for (int64_t o = first; o < last; ++o) {
      kernel(pa + offset_a, pb + offset_b, py + o * inner, inner, parameters);
      for (size_t i = rank; i-- > 0;) {
        const auto& d = loops.dimensions[i];
        offset_a += d.a;
        offset_b += d.b;
        if (++index[i] < d.size) break;
        offset_a -= d.a * d.size;
        offset_b -= d.b * d.size;
        index[i] = 0;
      }
    }
  }
};

void plan_bytes(Builder& b, const Node& node, Loops loops) {
  const Value &va = b.value(node.inputs[0]), &vb = b.value(node.inputs[1]), &vy = b.output();
  const Limits limits = byte_limits(node.attributes, vy);
  const ByteBinaryParameters parameters{va.scale,
                                        vb.scale,
                                        vy.scale,
                                        va.zero_point,
                                        vb.zero_point,
                                        vy.zero_point,
                                        static_cast<int>(limits.low),
                                        static_cast<int>(limits.high)};
  const BinaryTable& table = binary_table(b.isa());
  const ByteBinaryKernel kernel = table.bytes[static_cast<int>(node.attributes.binary)][static_cast<int>(loops.form())];
  const int a = b.slot(node.inputs[0]), c = b.slot(node.inputs[1]);
  if (!b.reuse(node.inputs[0])) b.reuse(node.inputs[1]);
  b.report().kernel = "binary_u8";
  b.add(BinaryStep<uint8_t, ByteBinaryKernel, ByteBinaryParameters>{kernel, parameters, a, c, b.output_slot(),
                                                                    std::move(loops)},
        b.threads_for(static_cast<double>(items_of(b.output_shape()))));
}

void plan_floats(Builder& b, const Node& node, Loops loops) {
  const BinaryTable& table = binary_table(b.isa());
  const BinaryKernel kernel = table.floats[static_cast<int>(node.attributes.binary)][static_cast<int>(loops.form())];
  const Limits limits = float_limits(node.attributes);
  const int a = b.float_slot(node.inputs[0]), c = b.float_slot(node.inputs[1]);
  if (!b.output().quantised && !b.reuse(node.inputs[0])) b.reuse(node.inputs[1]);
  const int y = b.float_output_slot();
  const int64_t items = items_of(b.output_shape());
  const double cost = node.attributes.binary == Binary::pow ? 20 : 0.5;
  b.report().kernel = "binary_f32";
  b.add(BinaryStep<float, BinaryKernel, BinaryParameters>{kernel, {limits.low, limits.high}, a, c, y, std::move(loops)},
        b.threads_for(static_cast<double>(items) * cost));
  if (needs_pass(node.attributes)) add_unary(b, node.attributes, y, y, items);
  b.finish_float();
}

}  // namespace

void plan_binary(Builder& b, const Node& node) {
  Loops loops = make_loops(b.shape(node.inputs[0]), b.shape(node.inputs[1]), b.output_shape());
  const bool quantised = b.output().quantised && !node.inputs[0].tensor && !node.inputs[1].tensor;
  const Binary f = node.attributes.binary;
  b.report().isa = binary_table(b.isa()).isa;
  if (quantised && (f == Binary::add || f == Binary::sub || f == Binary::mul))
    return plan_bytes(b, node, std::move(loops));
  plan_floats(b, node, std::move(loops));
}

}  // namespace apus
