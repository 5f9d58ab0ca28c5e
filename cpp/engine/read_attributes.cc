// Attributes: the table of schema.cc says which; here each is parsed and checked as far as it can be alone.
#include <algorithm>

#include "engine/reader.h"
#include "engine/schema.h"

namespace apus {
namespace {

void check_required(const Fields& fields, std::string_view required) {
  for (size_t at = 0; at < required.size();) {
    const size_t end = std::min(required.find(' ', at), required.size());
    if (!fields.has(required.substr(at, end - at)))
      fields.fail("lacks attribute '" + std::string(required.substr(at, end - at)) + "'");
    at = end + 1;
  }
}

void read_function(Op op, const Fields& fields, Attributes& a) {
  const std::string name = fields.text("function");
  const auto known = [&] {
    switch (op) {
      case Op::unary:
        return parse_unary(name, a.unary);
      case Op::binary:
        return parse_binary(name, a.binary);
      case Op::reduce:
        return parse_reduce(name, a.reduce);
      case Op::elementwise:
        return parse_elementwise(name, a.elementwise);
      case Op::cumulative:
        return parse_folding(name, a.folding);
      case Op::arg:
        a.largest = name == "max";
        return a.largest || name == "min";
      default:
        return parse_combine(name, a.combine);
    }
  };
  if (!known()) fields.fail("unknown function '" + name + "'");
}

void read_clip(const Fields& fields, Attributes& a) {
  const auto& ends = fields.get("clip", Json::Kind::array).items;
  if (ends.size() != 2) fields.fail("'clip' must be [low, high]");
  if (ends[0].kind != Json::Kind::null) a.low = fields.real_of(ends[0], "clip");
  if (ends[1].kind != Json::Kind::null) a.high = fields.real_of(ends[1], "clip");
  if (a.low > a.high) fields.fail("'clip' has low > high");
  a.has_clip = true;
}

void read_names(Op op, const Fields& fields, Attributes& a) {
  if (fields.has("function")) read_function(op, fields, a);
  if (fields.has("activation") && !parse_activation(fields.text("activation"), a.unary))
    fields.fail("unknown activation '" + fields.text("activation") + "'");
  if (fields.has("clip")) read_clip(fields, a);
  if (a.has_clip != (a.unary == Unary::clip))
    fields.fail("'clip' comes with the function or activation clip, and only there");
  if (fields.has("format")) {
    const std::string format = fields.text("format");
    const bool known = format == "block16x1" || format == "block16x4" || format == "unstructured";
    if (!known && (format != "depthwise" || op != Op::conv)) fields.fail("unknown format '" + format + "'");
    a.format = format == "block16x1"      ? Format::block16x1
               : format == "block16x4"    ? Format::block16x4
               : format == "unstructured" ? Format::unstructured
                                          : Format::depthwise;
  }
  if (fields.has("mode")) {
    const std::string mode = fields.text("mode");
    if (mode != "constant" && mode != "reflect" && mode != "edge") fields.fail("unknown mode '" + mode + "'");
    a.mode = mode == "constant" ? PadMode::constant : mode == "reflect" ? PadMode::reflect : PadMode::edge;
  }
}

void read_lists(const Fields& fields, Attributes& a) {
  const auto list = [&](const char* key, Ints& out, int64_t low) {
    if (fields.has(key)) out = fields.integers(key, low, kInt32Max);
  };
  list("kernel", a.kernel, 1);
  list("strides", a.strides, 1);
  list("dilations", a.dilations, 1);
  list("pads", a.pads, 0);
  list("axes", a.axes, kInt32Min);
  list("shape", a.shape, -1);
  list("perm", a.perm, 0);
  list("starts", a.starts, kInt32Min);
  list("ends", a.ends, kInt32Min);
  list("steps", a.steps, kInt32Min);
  list("offsets", a.offsets, 0);
}

void check_lists(const Fields& fields, const Attributes& a) {
  const size_t rank = a.kernel.size();
  if (fields.has("kernel")) {
    if (rank < 1 || rank > 2) fields.fail("'kernel' must have 1 or 2 entries");
    if (a.strides.size() != rank || a.dilations.size() != rank || a.pads.size() != 2 * rank)
      fields.fail("'kernel', 'strides', 'dilations' and 'pads' disagree in length");
  }
  if (fields.has("steps")) {
    if (a.starts.size() != a.steps.size() || a.ends.size() != a.steps.size() || a.axes.size() != a.steps.size())
      fields.fail("'starts', 'ends', 'axes' and 'steps' disagree in length");
    if (std::count(a.steps.begin(), a.steps.end(), 0) > 0) fields.fail("'steps' has a 0");
  }
  if (std::count(a.shape.begin(), a.shape.end(), -1) > 1) fields.fail("'shape' has more than one -1");
  if (fields.has("offsets") && a.offsets.size() != 3) fields.fail("'offsets' must have 3 entries");
  if (a.shape.size() > 8) fields.fail("'shape' has rank above 8");
}

void read_flags(const Fields& fields, Attributes& a) {
  const auto flag = [&](const char* key, bool& out) {
    if (fields.has(key)) out = fields.flag(key);
  };
  flag("keepdims", a.keepdims);
  flag("ceil_mode", a.ceil_mode);
  flag("count_include_pad", a.count_include_pad);
  flag("last", a.last);
  flag("exclusive", a.exclusive);
  flag("reverse", a.reverse);
  flag("reset_first", a.reset_first);
  flag("largest", a.largest);
  flag("positions", a.positions);
}

}  // namespace

Attributes read_attributes(Op op, const Fields& fields) {
  const Schema& schema = schema_of(op);
  check_required(fields, schema.required);
  fields.allow_only(std::string(schema.required) + " " + schema.optional);
  Attributes a;
  read_names(op, fields, a);
  read_lists(fields, a);
  check_lists(fields, a);
  if (fields.has("groups")) a.groups = fields.integer("groups", 1, kInt32Max);
  if (fields.has("channels")) a.channels = fields.integer("channels", 1, kInt32Max);
  if (fields.has("heads")) a.heads = fields.integer("heads", 1, kInt32Max);
  if (fields.has("axis")) a.axis = fields.integer("axis", kInt32Min, kInt32Max);
  if (fields.has("k")) a.k = fields.integer("k", 0, kInt32Max);
  if (fields.has("batch_dims")) a.batch_dims = fields.integer("batch_dims", 0, 7);
  read_flags(fields, a);
  if (fields.has("value")) a.value = fields.real("value");
  if (fields.has("epsilon")) a.epsilon = fields.real("epsilon");
  if (a.epsilon < 0) fields.fail("'epsilon' is below 0");
  if (fields.has("factor")) a.factor = fields.real("factor");
  if (fields.has("alpha")) a.alpha = fields.real("alpha");
  if (fields.has("beta")) a.beta = fields.real("beta");
  return a;
}

}  // namespace apus
