// Builds a Plan: walks the nodes, asks each operator for its steps, and lays out memory.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "engine/arena.h"
#include "engine/machine.h"
#include "engine/plan.h"
#include "engine/recall.h"

namespace apus {

// What an operator (engine/ops) sees while it adds its steps. All of it is about the current node.
class Builder {
 public:
  Builder(Plan& plan, const PlanOptions& options, Recall& recall);
  // False if threads save less over the whole run than waking them costs: then build again with one.
  bool build();

  const Model& model() const { return *plan_.model_; }
  Isa isa() const { return options_.isa; }
  Accuracy accuracy() const { return options_.accuracy; }
  const Shape& shape(Operand operand) const;
  const Shape& output_shape() const { return shapes_[static_cast<size_t>(node_->output)]; }
  const Value& value(Operand operand) const { return model().values[static_cast<size_t>(operand.index)]; }
  const Value& output() const { return model().values[static_cast<size_t>(node_->output)]; }
  NodeReport& report() { return plan_.reports_.back(); }

  // Slots of operands as they are, of the result, and of memory that lives for this node alone.
  int slot(Operand operand);
  int output_slot();
  int scratch(int64_t bytes);

  // The same in float32: adds the steps that dequantise an operand, or (in finish_float) quantise the result.
  int float_slot(Operand operand);
  int float_output_slot();
  void finish_float();

  // True if the result may overwrite `operand`; then output_slot() is its memory.
  bool reuse(Operand operand);
  // True if the result is the operand's memory under another shape; no step is needed.
  bool view(Operand operand);

  Dtype dtype(Operand operand) const {
    return operand.tensor ? model().tensors[static_cast<size_t>(operand.index)].dtype : value(operand).dtype;
  }

  // A place where the node's steps report data they cannot work with; `what` ends in front of the value.
  std::shared_ptr<Fault> fault(const std::string& what);

  // Threads worth using on work of that many cycles.
  int threads_for(double cycles) const;

  // For choose() alone. forced: threads follow from cycles, and nothing is timed.
  bool forced() const { return options_.parallel_cycles != kPlanned; }
  bool may_time() const { return !options_.deterministic && !forced(); }
  int threads() const { return options_.threads; }
  ThreadPool* pool() const { return options_.pool; }
  const Machine& machine() const { return recall_.machine(); }
  Recall& recall() { return recall_; }
  void count_saving(double ns) { saved_ns_ += ns; }

  // Adds a step: `op` is any callable (Slots, int part, int parts) const, kept by the plan.
  template <class Operation>
  void add(Operation op, int parts = 1) {
    auto owned = std::make_shared<const Operation>(std::move(op));
    add_step({[](const void* o, Slots s, int part, int parts) { (*static_cast<const Operation*>(o))(s, part, parts); },
              owned.get(), parts, node_index_});
    plan_.ops_.push_back(std::move(owned));
  }

 private:
  struct Slot {
    int buffer = -1;                    // in the arena
    const uint8_t* constant = nullptr;  // or fixed elsewhere; neither: bound at each run
  };

  void infer_shapes();
  void check_declared(const Value& value, const Shape& shape) const;
  void find_lifetimes();
  void place_inputs();
  void build_node(int index);
  void place_outputs();
  void finish();
  void add_step(const Step& step);
  int new_slot(Slot slot);
  int new_buffer(int64_t bytes, int first, int last);
  int value_slot(int value);
  bool is_view(const Node& node) const;
  int64_t bytes_of(int value) const;
  int tensor_slot(int tensor);

  Plan& plan_;
  PlanOptions options_;
  Recall& recall_;
  mutable double saved_ns_ = 0;  // by threads, over the whole run
  const Node* node_ = nullptr;
  int node_index_ = 0;
  std::vector<Shape> shapes_, tensor_shapes_;  // by value, by tensor
  std::vector<int> root_;                      // value -> the value whose memory it is
  std::vector<int> last_use_;                  // of roots: the last node that reads it
  std::vector<bool> overread_;                 // of roots: a kernel reads past its end
  std::vector<int> value_slots_, tensor_slots_;
  std::vector<Slot> slots_;
  std::vector<ArenaBuffer> buffers_;
  int float_output_ = -1;
};

// engine/ops: one function per operator.
using PlanFunction = void (*)(Builder&, const Node&);
PlanFunction plan_function(Op op);

}  // namespace apus
