#include "kernels/unary/unary.h"

#include <array>

#include "engine/ops/activation.h"
#include "engine/ops/copy.h"
#include "engine/ops/ops.h"

namespace apus {
namespace {

using ByteTable = std::array<uint8_t, 256>;

struct MapBytes {
  ByteMapKernel run;
  int x, y;
  int64_t items;
  ByteTable table;
  void operator()(Slots s, int part, int parts) const {
    const Range r = share(items, part, parts);
    run(s[x] + r.first, s[y] + r.first, r.last - r.first, table.data());
  }
};

// By the scalar kernels, whatever the ISA in use.
ByteTable make_table(const Attributes& a, const Value& x, const Value& y) {
  ByteTable bytes;
  float reals[256];
  for (int q = 0; q < 256; ++q) bytes[static_cast<size_t>(q)] = static_cast<uint8_t>(q);
  const QuantizeTable& quantize = quantize_table(Isa::scalar);
  quantize.dequantize(bytes.data(), reals, 256, x.scale, x.zero_point);
  unary_table(Isa::scalar).of(a.unary)(reals, reals, 256, a.unary_parameters());
  quantize.quantize(reals, bytes.data(), 256, y.scale, y.zero_point);
  return bytes;
}

}  // namespace

void plan_unary(Builder& b, const Node& node) {
  const int x = b.slot(node.inputs[0]);
  const int64_t items = items_of(b.output_shape());
  b.reuse(node.inputs[0]);
  b.report().isa = unary_table(b.isa()).isa;
  if (!b.output().quantised) {
    b.report().kernel = "unary_f32";
    return add_unary(b, node.attributes, x, b.output_slot(), items);
  }
  b.report().kernel = "unary_u8";
  b.add(MapBytes{unary_table(b.isa()).bytes, x, b.output_slot(), items,
                 make_table(node.attributes, b.value(node.inputs[0]), b.output())},
        b.threads_for(static_cast<double>(items)));
}

}  // namespace apus
