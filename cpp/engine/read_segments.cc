// Parts of a network that are files of their own, one after another (SPEC.md §7).
#include <algorithm>

#include "engine/reader.h"

namespace apus {
namespace {

class SegmentReader {
 public:
  SegmentReader(const Names& names, Model& model) : names_(names), model_(model), made_(model.values.size(), false) {
    for (int value : model.inputs) {
      if (made_[static_cast<size_t>(value)])
        throw Error(ErrorKind::artifact, "graph: input '" + name(value) + "' is listed twice");
      made_[static_cast<size_t>(value)] = true;
    }
  }

  void read(const Json& json, size_t index) {
    const Fields fields(json, "segment " + std::to_string(index));
    fields.allow_only("engine inputs outputs tensor nodes why");
    Segment segment;
    const std::string engine = fields.text("engine");
    if (engine != "apus" && engine != "onnxruntime") fields.fail("unknown engine '" + engine + "'");
    segment.data = bytes(fields);
    segment.nodes = fields.integer("nodes", 0, INT32_MAX);
    segment.why = fields.text("why");
    segment.inputs = ends(fields, "inputs");
    for (int value : segment.inputs)
      if (!made_[static_cast<size_t>(value)]) fields.fail("reads '" + name(value) + "' before anything produces it");
    segment.outputs = ends(fields, "outputs");
    if (segment.outputs.empty()) fields.fail("has no output");
    for (int value : segment.outputs) {
      if (made_[static_cast<size_t>(value)]) fields.fail("makes '" + name(value) + "', which has a producer already");
      made_[static_cast<size_t>(value)] = true;
    }
    if (engine == "apus") {
      segment.part = read_part(model_.bytes, segment.data);
      check_part(fields, segment);
    }
    model_.segments.push_back(std::move(segment));
  }

  void finish() const {
    if (model_.segments.empty()) throw Error(ErrorKind::artifact, "graph: it has no segment");
    for (size_t i = 0; i < made_.size(); ++i) {
      const std::string title = "value '" + model_.values[i].name + "'";
      if (!made_[i]) throw Error(ErrorKind::artifact, title + " has no producer");
      if (model_.values[i].quantised)
        throw Error(ErrorKind::artifact, title + " lies between segments, yet is quantised");
    }
  }

 private:
  const std::string& name(int value) const { return model_.values[static_cast<size_t>(value)].name; }

  std::span<const uint8_t> bytes(const Fields& fields) const {
    const auto found = names_.find(fields.text("tensor"));
    if (found == names_.end() || !found->second.tensor) fields.fail("names a tensor that does not exist");
    const Tensor& tensor = model_.tensors[static_cast<size_t>(found->second.index)];
    if (tensor.dtype != Dtype::uint8 || tensor.shape.size() != 1 || tensor.length == 0)
      fields.fail("its tensor is no row of bytes");
    return tensor.items<uint8_t>();
  }

  std::vector<int> ends(const Fields& fields, std::string_view side) const {
    std::vector<int> list;
    for (std::string_view text : fields.texts(side)) {
      const auto found = names_.find(text);
      if (found == names_.end() || found->second.tensor)
        fields.fail("names '" + std::string(text) + "', which is no value");
      if (std::find(list.begin(), list.end(), found->second.index) != list.end())
        fields.fail("names '" + std::string(text) + "' twice");
      list.push_back(found->second.index);
    }
    return list;
  }

  void check_part(const Fields& fields, const Segment& segment) const {
    check_side(fields, segment.inputs, *segment.part, segment.part->inputs);
    check_side(fields, segment.outputs, *segment.part, segment.part->outputs);
  }

  void check_side(const Fields& fields, const std::vector<int>& outside, const Model& part,
                  const std::vector<int>& inside) const {
    if (outside.size() != inside.size()) fields.fail("its part has other inputs or outputs");
    for (size_t i = 0; i < outside.size(); ++i) {
      const Value& outer = model_.values[static_cast<size_t>(outside[i])];
      const Value& inner = part.values[static_cast<size_t>(inside[i])];
      if (outer.name != inner.name) fields.fail("its part has other inputs or outputs");
      if (outer.dtype != inner.dtype || outer.shape.size() != inner.shape.size())
        fields.fail("'" + outer.name + "' is another kind of value in its part");
    }
  }

  const Names& names_;
  Model& model_;
  std::vector<bool> made_;
};

}  // namespace

void read_segments(const Json& json, const Names& names, Model& model) {
  SegmentReader reader(names, model);
  for (size_t i = 0; i < json.items.size(); ++i) reader.read(json.items[i], i);
  reader.finish();
}

}  // namespace apus
