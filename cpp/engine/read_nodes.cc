// Nodes and their wiring: topological order, one producer each.
#include "engine/reader.h"
#include "engine/schema.h"

namespace apus {
namespace {

class NodeReader {
 public:
  NodeReader(const Names& names, Model& model) : names_(names), model_(model), made_(model.values.size(), false) {}

  void inputs() {
    for (int value : model_.inputs) {
      if (made_[value])
        throw Error(ErrorKind::artifact, "graph: input '" + model_.values[value].name + "' is listed twice");
      made_[value] = true;
    }
  }

  void node(const Json& json, size_t index) {
    Fields fields(json, "node " + std::to_string(index));
    fields.allow_only("op name inputs outputs attributes tensors");
    Node node;
    const std::string name = fields.text("op");
    const Op* op = find_op(name);
    node.name = fields.text("name");
    if (op == nullptr) fields.fail("unknown op '" + name + "' (node '" + node.name + "'); needs a newer Apus");
    node.op = *op;
    const Fields titled(json, node.title());
    wire(titled, node);
    node.attributes = read_attributes(node.op, Fields(titled.get("attributes", Json::Kind::object), node.title()));
    roles(Fields(titled.get("tensors", Json::Kind::object), node.title()), node);
    model_.nodes.push_back(std::move(node));
  }

  void finish() const {
    for (size_t i = 0; i < made_.size(); ++i)
      if (!made_[i]) throw Error(ErrorKind::artifact, "value '" + model_.values[i].name + "' has no producer");
  }

 private:
  Operand find(const Fields& fields, std::string_view name) const {
    const auto found = names_.find(name);
    if (found == names_.end()) fields.fail("names '" + std::string(name) + "', which does not exist");
    return found->second;
  }

  void wire(const Fields& fields, Node& node) {
    for (std::string_view name : fields.texts("inputs")) {
      const Operand operand = find(fields, name);
      if (!operand.tensor && !made_[operand.index])
        fields.fail("reads '" + std::string(name) + "' before anything produces it");
      node.inputs.push_back(operand);
    }
    const Schema& schema = schema_of(node.op);
    const int count = static_cast<int>(node.inputs.size());
    if (count < schema.min_inputs || count > schema.max_inputs) fields.fail("has " + std::to_string(count) + " inputs");
    const auto outputs = fields.texts("outputs");
    if (outputs.size() != 1) fields.fail("must have one output");
    const Operand output = find(fields, outputs[0]);
    if (output.tensor) fields.fail("writes to the tensor '" + std::string(outputs[0]) + "'");
    if (made_[output.index]) fields.fail("writes '" + std::string(outputs[0]) + "', which has a producer already");
    made_[output.index] = true;
    node.output = output.index;
  }

  void roles(const Fields& fields, Node& node) const {
    fields.allow_only(schema_of(node.op).roles);
    for (int role = 0; role < kRoleCount; ++role) {
      if (!fields.has(kRoleNames[role])) continue;
      const Operand operand = find(fields, fields.text(kRoleNames[role]));
      if (!operand.tensor) fields.fail(std::string("role '") + kRoleNames[role] + "' is not a tensor");
      node.roles[role] = operand.index;
    }
  }

  const Names& names_;
  Model& model_;
  std::vector<bool> made_;
};

}  // namespace

void read_nodes(const Json& nodes, const Names& names, Model& model) {
  NodeReader reader(names, model);
  reader.inputs();
  for (size_t i = 0; i < nodes.items.size(); ++i) reader.node(nodes.items[i], i);
  reader.finish();
}

}  // namespace apus
