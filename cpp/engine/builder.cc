#include "engine/builder.h"

#include <algorithm>

#include "engine/ops/copy.h"
#include "engine/schema.h"

namespace apus {

Builder::Builder(Plan& plan, const PlanOptions& options, Recall& recall)
    : plan_(plan), options_(options), recall_(recall) {
  shapes_.resize(model().values.size());
  value_slots_.assign(model().values.size(), -1);
  tensor_slots_.assign(model().tensors.size(), -1);
  for (const Tensor& tensor : model().tensors) tensor_shapes_.push_back(tensor.shape);
}

bool Builder::build() {
  infer_shapes();
  find_lifetimes();
  place_inputs();
  for (size_t i = 0; i < model().nodes.size(); ++i) build_node(static_cast<int>(i));
  place_outputs();
  finish();
  return forced() || !plan_.parallel_ || saved_ns_ > machine().run_ns(options_.threads);
}

int Builder::threads_for(double cycles) const {
  if (forced()) return cycles >= options_.parallel_cycles ? options_.threads : 1;
  constexpr double kCycleNs = 0.33;
  const double saved = cycles * kCycleNs * (1 - 1.0 / options_.threads) - 2 * machine().barrier_ns(options_.threads);
  if (options_.threads == 1 || saved <= 0) return 1;
  saved_ns_ += saved;
  return options_.threads;
}

const Shape& Builder::shape(Operand operand) const {
  return (operand.tensor ? tensor_shapes_ : shapes_)[static_cast<size_t>(operand.index)];
}

void Builder::check_declared(const Value& value, const Shape& shape) const {
  bool agrees = shape.size() == value.shape.size();
  for (size_t i = 0; agrees && i < shape.size(); ++i)
    agrees = value.shape[i].size < 0 || value.shape[i].size == shape[i];
  if (agrees) return;
  std::string declared;
  for (const Dim& d : value.shape)
    declared += (declared.empty() ? "" : ", ") + (d.size < 0 ? d.symbol : std::to_string(d.size));
  throw Error(ErrorKind::run,
              "value '" + value.name + "' has shape " + shape_text(shape) + ", the model declares [" + declared + "]");
}

void Builder::infer_shapes() {
  for (size_t i = 0; i < model().inputs.size(); ++i)
    shapes_[static_cast<size_t>(model().inputs[i])] = plan_.input_shapes_[i];
  for (int input : model().inputs)
    check_declared(model().values[static_cast<size_t>(input)], shapes_[static_cast<size_t>(input)]);
  for (const Node& node : model().nodes) {
    std::vector<Shape> inputs;
    for (Operand operand : node.inputs) inputs.push_back(shape(operand));
    Shape& result = shapes_[static_cast<size_t>(node.output)];
    result = infer_shape(model(), node, inputs);
    check_declared(model().values[static_cast<size_t>(node.output)], result);
  }
  for (int output : model().outputs) plan_.output_shapes_.push_back(shapes_[static_cast<size_t>(output)]);
}

// A view may not be an output of the graph: that is memory of the caller.
bool Builder::is_view(const Node& node) const {
  const bool is_output = std::count(model().outputs.begin(), model().outputs.end(), node.output) > 0;
  return (node.op == Op::reshape || node.op == Op::flatten) && !is_output;
}

// Whether the operator's kernels read past the end of its inputs.
static bool overreads(Op op) { return op == Op::conv || op == Op::linear || op == Op::matmul || op == Op::attention; }

void Builder::find_lifetimes() {
  const size_t count = model().values.size();
  root_.resize(count);
  last_use_.assign(count, -1);
  overread_.assign(count, false);
  for (size_t i = 0; i < count; ++i) root_[i] = static_cast<int>(i);
  for (size_t i = 0; i < model().nodes.size(); ++i) {
    const Node& node = model().nodes[i];
    if (is_view(node)) root_[static_cast<size_t>(node.output)] = root_[static_cast<size_t>(node.inputs[0].index)];
    last_use_[static_cast<size_t>(root_[static_cast<size_t>(node.output)])] = static_cast<int>(i);
    for (Operand operand : node.inputs) {
      if (operand.tensor) continue;
      const size_t root = static_cast<size_t>(root_[static_cast<size_t>(operand.index)]);
      last_use_[root] = static_cast<int>(i);
      if (overreads(node.op)) overread_[root] = true;
    }
  }
}

int64_t Builder::bytes_of(int value) const {
  return items_of(shapes_[static_cast<size_t>(value)]) * dtype_size(model().values[static_cast<size_t>(value)].dtype);
}

int Builder::new_slot(Slot slot) {
  slots_.push_back(slot);
  return static_cast<int>(slots_.size()) - 1;
}

int Builder::new_buffer(int64_t bytes, int first, int last) {
  buffers_.push_back({static_cast<size_t>(bytes), first, last, 0});
  Slot slot;
  slot.buffer = static_cast<int>(buffers_.size()) - 1;
  return new_slot(slot);
}

// The caller's arrays have no bytes to spare past their end, so an input that a kernel would overread is copied first.
void Builder::place_inputs() {
  for (int input : model().inputs) {
    const size_t i = static_cast<size_t>(input);
    const int external = new_slot({});
    plan_.input_slots_.push_back(external);
    value_slots_[i] = external;
    if (!overread_[i]) continue;
    value_slots_[i] = new_buffer(bytes_of(input), 0, last_use_[i]);
    add(CopyBytes{external, value_slots_[i], bytes_of(input)});
  }
}

void Builder::build_node(int index) {
  node_index_ = index;
  node_ = &model().nodes[static_cast<size_t>(index)];
  NodeReport& report = plan_.reports_.emplace_back();
  report.name = node_->name;
  report.op = schema_of(node_->op).name;
  report.kernel = report.op;
  report.shape = output_shape();
  float_output_ = -1;
  // A result of the graph that nothing else reads is written straight into the caller's array.
  const size_t output = static_cast<size_t>(node_->output);
  const bool is_output = std::count(model().outputs.begin(), model().outputs.end(), node_->output) > 0;
  if (is_output && last_use_[output] == index) value_slots_[output] = new_slot({});
  if (is_output && last_use_[output] != index) last_use_[output] = static_cast<int>(model().nodes.size());
  plan_function(node_->op)(*this, *node_);
}

void Builder::place_outputs() {
  for (int output : model().outputs) {
    const int from = value_slots_[static_cast<size_t>(output)];
    const Slot& slot = slots_[static_cast<size_t>(from)];
    const auto& taken = plan_.output_slots_;
    const bool external =
        slot.buffer < 0 && std::count(plan_.input_slots_.begin(), plan_.input_slots_.end(), from) == 0;
    if (external && std::count(taken.begin(), taken.end(), from) == 0) {
      plan_.output_slots_.push_back(from);
      continue;
    }
    const int to = new_slot({});
    plan_.output_slots_.push_back(to);
    add(CopyBytes{from, to, bytes_of(output)});
  }
}

void Builder::add_step(const Step& step) {
  plan_.steps_.push_back(step);
  if (!plan_.reports_.empty()) report().threads = std::max(report().threads, step.parts);
}

void Builder::finish() {
  for (size_t i = 0; i < plan_.steps_.size(); ++i) {
    const bool shared = plan_.steps_[i].parts > 1;
    plan_.parallel_ |= shared;
    if (i == 0 || shared || plan_.steps_[i - 1].parts > 1) plan_.segments_.push_back(i);
  }
  plan_.segments_.push_back(plan_.steps_.size());
  plan_.arena_ = AlignedBuffer::hot(plan_arena(buffers_));
  for (const Slot& slot : slots_) {
    uint8_t* memory = const_cast<uint8_t*>(slot.constant);  // steps only read constants
    if (slot.buffer >= 0) memory = plan_.arena_.data() + buffers_[static_cast<size_t>(slot.buffer)].offset;
    plan_.slots_.push_back(memory);
  }
}

int Builder::tensor_slot(int tensor) {
  int& slot = tensor_slots_[static_cast<size_t>(tensor)];
  if (slot < 0) {
    Slot constant;
    constant.constant = model().tensors[static_cast<size_t>(tensor)].data;
    slot = new_slot(constant);
  }
  return slot;
}

int Builder::slot(Operand operand) {
  return operand.tensor ? tensor_slot(operand.index) : value_slots_[static_cast<size_t>(operand.index)];
}

int Builder::output_slot() {
  int& slot = value_slots_[static_cast<size_t>(node_->output)];
  if (slot < 0) {
    const int fresh = new_buffer(bytes_of(node_->output), node_index_, last_use_[static_cast<size_t>(node_->output)]);
    slot = fresh;
  }
  return slot;
}

int Builder::scratch(int64_t bytes) { return new_buffer(bytes, node_index_, node_index_); }

int Builder::float_slot(Operand operand) {
  if (operand.tensor || !value(operand).quantised) return slot(operand);
  const Value& v = value(operand);
  const int64_t items = items_of(shape(operand));
  const int to = scratch(items * 4);
  add(Dequantize{&quantize_table(isa()), slot(operand), to, items, v.scale, v.zero_point},
      threads_for(static_cast<double>(items) / 2));
  return to;
}

int Builder::float_output_slot() {
  float_output_ = output().quantised ? scratch(items_of(output_shape()) * 4) : output_slot();
  return float_output_;
}

void Builder::finish_float() {
  if (!output().quantised) return;
  const int64_t items = items_of(output_shape());
  add(Quantize{&quantize_table(isa()), float_output_, output_slot(), items, output().scale, output().zero_point},
      threads_for(static_cast<double>(items)));
}

std::shared_ptr<Fault> Builder::fault(const std::string& what) {
  auto made = std::make_shared<Fault>();
  made->message = node_->title() + ": " + what;
  plan_.faults_.push_back(made);
  return made;
}

bool Builder::reuse(Operand operand) {
  const size_t result = static_cast<size_t>(node_->output);
  if (operand.tensor || value_slots_[result] >= 0) return false;
  const int from = slot(operand);
  const int buffer = slots_[static_cast<size_t>(from)].buffer;
  const int root = root_[static_cast<size_t>(operand.index)];
  if (buffer < 0 || last_use_[static_cast<size_t>(root)] != node_index_) return false;
  if (bytes_of(operand.index) != bytes_of(node_->output)) return false;
  value_slots_[result] = from;
  ArenaBuffer& memory = buffers_[static_cast<size_t>(buffer)];
  memory.last = std::max(memory.last, last_use_[result]);
  return true;
}

bool Builder::view(Operand operand) {
  if (!is_view(*node_)) return false;
  value_slots_[static_cast<size_t>(node_->output)] = slot(operand);
  return true;
}

}  // namespace apus
