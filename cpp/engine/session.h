// Runs a model: keeps plans by input shapes, the threads, and the order of callers.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "engine/plan.h"

namespace apus {

// The shape of a caller's array, where it lies.
struct ShapeView {
  const int64_t* dims;
  size_t rank;
  bool operator==(const Shape& other) const { return std::equal(dims, dims + rank, other.begin(), other.end()); }
};

class Session {
 public:
  // `threads` is lowered to the cores that we may use. The others are as in PlanOptions.
  Session(std::shared_ptr<const Model> model, int threads, double parallel_cycles = kPlanned,
          bool deterministic = false, Accuracy accuracy = Accuracy::accurate);
  ~Session();

  const Model& model() const { return *model_; }
  int threads() const { return options_.threads; }

  // The plan for these shapes, from the cache of the last kPlans, or made now. Safe from any thread.
  std::shared_ptr<Plan> plan(std::span<const ShapeView> shapes);
  // The plan for these shapes if it is in the cache and nobody runs; else null. Never waits.
  std::shared_ptr<Plan> known_plan(std::span<const ShapeView> shapes);
  // Runs take turns: threads of one session share its memory and workers.
  void run(Plan& plan, const void* const* inputs, void* const* outputs);
  // Median seconds of each node over `runs` runs.
  std::vector<double> profile(Plan& plan, const void* const* inputs, void* const* outputs, int runs);

  static constexpr size_t kPlans = 8;

 private:
  // All that does not survive a fork: threads are gone in the child, and a lock may be held by one of them.
  struct State;
  State& state();
  std::shared_ptr<Plan> find(State& state, std::span<const ShapeView> shapes);

  std::shared_ptr<const Model> model_;
  PlanOptions options_;
  std::atomic<State*> state_;
};

}  // namespace apus
