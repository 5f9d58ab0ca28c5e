// A network bound to concrete shapes, threads and kernels: a list of steps over fixed memory. Running it allocates
// nothing.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/isa.h"
#include "engine/model.h"
#include "engine/pool.h"
#include "engine/shapes.h"
#include "kernels/unary/unary.h"

namespace apus {

// Pointers of all arrays of a plan, by slot number.
using Slots = uint8_t* const*;

struct Step {
  void (*run)(const void* op, Slots slots, int part, int parts);
  const void* op;
  int parts;  // threads that share it
  int node;
};

// One way that a node could have run.
struct KernelOption {
  std::string kernel;
  int threads;
  double estimated_us, measured_us;  // 0: not timed
  int candidate;                     // its place among the node's kernels
};

// What inspect and profile show of a node.
struct NodeReport {
  std::string name, op, kernel;
  Isa isa = Isa::scalar;
  int threads = 1;
  double density = 1;
  double imbalance = 0;  // of the threads that share one image: the busiest one's work beyond the mean
  int64_t weight_bytes = 0, macs = 0, nonzero_macs = 0;
  Shape shape;
  std::string why;                    // this kernel, on so many threads
  std::vector<KernelOption> options;  // what was weighed, best first
};

inline constexpr double kPlanned = -1;  // threads by the planner (engine/choice.h)

// Set by a step that met data it cannot work with, such as an index out of range; the run then ends in an error.
struct Fault {
  std::string message;                   // ends in front of the value
  std::atomic<int64_t> value{kNoFault};  // kNoFault: all is well
};

struct PlanOptions {
  int threads = 1;
  Isa isa = Isa::scalar;
  double parallel_cycles = kPlanned;  // not kPlanned: work below this many cycles stays on one thread, and no timing
  bool deterministic = false;         // estimate with Machine::standard() alone, so that plans never differ
  ThreadPool* pool = nullptr;         // of `threads`, to time with; null for one thread
  Accuracy accuracy = Accuracy::accurate;
};

class Plan {
 public:
  // Throws Error(run) if the shapes do not fit the model.
  Plan(std::shared_ptr<const Model> model, const std::vector<Shape>& inputs, const PlanOptions& options);

  const std::vector<Shape>& input_shapes() const { return input_shapes_; }
  const std::vector<Shape>& output_shapes() const { return output_shapes_; }
  const std::vector<NodeReport>& reports() const { return reports_; }
  size_t arena_bytes() const { return arena_.size(); }

  // One run at a time. `pool` may be null if the plan has no parallel step.
  void run(const void* const* inputs, void* const* outputs, ThreadPool* pool);
  // As run; adds each node's seconds to `seconds` (one entry per node), measured on the calling thread.
  void profile(const void* const* inputs, void* const* outputs, ThreadPool* pool, double* seconds);
  bool parallel() const { return parallel_; }

 private:
  friend class Builder;
  void bind(const void* const* inputs, void* const* outputs);
  void execute() const;
  void execute(int segment, int thread) const;
  void check_faults() const;

  std::shared_ptr<const Model> model_;
  std::vector<Shape> input_shapes_, output_shapes_;
  std::vector<NodeReport> reports_;
  std::vector<Step> steps_;
  std::vector<size_t> segments_;                  // first step of each, and the end: threads meet in between
  std::vector<std::shared_ptr<const void>> ops_;  // what the steps point at
  std::vector<std::shared_ptr<Fault>> faults_;
  std::vector<uint8_t*> slots_;
  std::vector<int> input_slots_, output_slots_;
  AlignedBuffer arena_;
  bool parallel_ = false;
};

}  // namespace apus
