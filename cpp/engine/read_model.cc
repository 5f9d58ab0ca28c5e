// The whole of reading: container, JSON, tensors, values, nodes, then the checks that need all of them.
#include <functional>

#include "base/json.h"
#include "engine/container.h"
#include "engine/reader.h"

namespace apus {
namespace {

void add_name(Names& names, std::string_view name, Operand operand) {
  if (name.empty()) throw Error(ErrorKind::artifact, "a value or tensor has an empty name");
  if (!names.emplace(name, operand).second)
    throw Error(ErrorKind::artifact, "'" + std::string(name) + "' names both a value and a tensor");
}

Names all_names(const Model& model) {
  Names names;
  for (size_t i = 0; i < model.values.size(); ++i) add_name(names, model.values[i].name, {false, static_cast<int>(i)});
  for (size_t i = 0; i < model.tensors.size(); ++i) add_name(names, model.tensors[i].name, {true, static_cast<int>(i)});
  return names;
}

std::vector<int> value_list(const Fields& graph, std::string_view key, const Names& names) {
  std::vector<int> list;
  for (std::string_view name : graph.texts(key)) {
    const auto found = names.find(name);
    if (found == names.end() || found->second.tensor)
      graph.fail("'" + std::string(key) + "' names '" + std::string(name) + "', which is no value");
    list.push_back(found->second.index);
  }
  return list;
}

void read_graph(const Fields& graph, Model& model, bool parts) {
  graph.allow_only(parts ? "name inputs outputs values nodes segments" : "name inputs outputs values nodes");
  model.name = graph.text("name");
  read_values(graph.get("values", Json::Kind::object), model);
  const Names names = all_names(model);
  model.inputs = value_list(graph, "inputs", names);
  model.outputs = value_list(graph, "outputs", names);
  const Json& nodes = graph.get("nodes", Json::Kind::array);
  if (parts) {
    if (!nodes.items.empty()) graph.fail("has nodes beside its segments");
    return read_segments(graph.get("segments", Json::Kind::array), names, model);
  }
  read_nodes(nodes, names, model);
  for (const Node& node : model.nodes) {
    check_types(model, node);
    check_weights(model, node);
  }
}

std::shared_ptr<Model> read_model(std::shared_ptr<FileBytes> file, std::span<const uint8_t> bytes, bool nested) {
  const Container container = open_container(bytes);
  const bool parts = (container.critical & kSegments) != 0;
  if (parts && nested) throw Error(ErrorKind::artifact, "it has segments of its own");
  auto model = std::make_shared<Model>();
  model->bytes = std::move(file);
  model->identity = std::hash<std::string_view>()(container.json);
  const JsonDocument document(container.json);
  const Fields root(document.root(), "the file");
  root.text("producer");
  model->metadata = std::string(root.get("metadata", Json::Kind::object).source);
  read_tensors(root.get("tensors", Json::Kind::object), container.payload, *model);
  read_graph(Fields(root.get("graph", Json::Kind::object), "graph"), *model, parts);
  return model;
}

std::shared_ptr<const Model> read_whole(std::shared_ptr<FileBytes> file) {
  const auto bytes = file->bytes();
  return read_model(std::move(file), bytes, false);
}

}  // namespace

std::shared_ptr<const Model> read_part(std::shared_ptr<FileBytes> file, std::span<const uint8_t> bytes) {
  return read_model(std::move(file), bytes, true);
}

std::shared_ptr<const Model> read_model_file(const std::string& path) try {
  return read_whole(FileBytes::open(path));
} catch (const Error& error) {
  if (error.kind() == ErrorKind::missing_file) throw;
  throw Error(error.kind(), path + ": " + error.what());
}

std::shared_ptr<const Model> read_model_bytes(const void* data, size_t bytes,
                                              std::span<const std::shared_ptr<const Model>> others) {
  if (others.empty()) return read_whole(FileBytes::copy(data, bytes));
  auto model = read_model(nullptr, {static_cast<const uint8_t*>(data), bytes}, false);
  if (!model->segments.empty()) return read_whole(FileBytes::copy(data, bytes));  // parts are files of their own
  share_tensors(*model, others);
  return model;
}

}  // namespace apus
