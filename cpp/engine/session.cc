#include "engine/session.h"

#include <pthread.h>

#include <algorithm>
#include <optional>

#include "base/cpu.h"

namespace apus {
namespace {

std::atomic<uint64_t> forks{0};  // before us; tells a child that its state is its parent's

uint64_t fork_generation() {
  static const int registered = pthread_atfork(nullptr, nullptr, [] { forks.fetch_add(1, std::memory_order_relaxed); });
  (void)registered;
  return forks.load(std::memory_order_relaxed);
}

double median(std::vector<double>& values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

std::shared_ptr<const Model> whole(std::shared_ptr<const Model> model) {
  if (model->segments.empty()) return model;
  throw Error(ErrorKind::run,
              "this network has parts for ONNX Runtime, which the engine alone cannot run: open it in Python with "
              "onnxruntime installed, or compile it anew without --allow onnxruntime");
}

}  // namespace

struct Session::State {
  std::mutex mutex;
  uint64_t generation = fork_generation();
  std::vector<std::shared_ptr<Plan>> plans;  // most recently used first
  std::optional<ThreadPool> pool;            // made with the first plan
};

Session::Session(std::shared_ptr<const Model> model, int threads, double parallel_cycles, bool deterministic,
                 Accuracy accuracy)
    : model_(whole(std::move(model))),
      options_{std::clamp(threads, 1, usable_cores()), active_isa(), parallel_cycles, deterministic, nullptr, accuracy},
      state_(new State) {}

Session::~Session() {
  State* state = state_.load();
  if (state->generation == fork_generation()) delete state;
}

// A stale state is left to leak: its threads cannot be joined and its lock cannot be trusted.
Session::State& Session::state() {
  State* current = state_.load(std::memory_order_acquire);
  if (current->generation == fork_generation()) return *current;
  auto fresh = std::make_unique<State>();
  if (state_.compare_exchange_strong(current, fresh.get())) return *fresh.release();
  return *current;
}

std::shared_ptr<Plan> Session::find(State& state, std::span<const ShapeView> shapes) {
  auto& plans = state.plans;
  for (size_t i = 0; i < plans.size(); ++i) {
    if (!std::equal(shapes.begin(), shapes.end(), plans[i]->input_shapes().begin())) continue;
    std::rotate(plans.begin(), plans.begin() + static_cast<int64_t>(i), plans.begin() + static_cast<int64_t>(i) + 1);
    return plans[0];
  }
  return nullptr;
}

std::shared_ptr<Plan> Session::plan(std::span<const ShapeView> shapes) {
  State& state = this->state();
  const std::lock_guard lock(state.mutex);
  if (auto found = find(state, shapes)) return found;
  std::vector<Shape> inputs;
  for (const ShapeView& view : shapes) inputs.emplace_back(view.dims, view.dims + view.rank);
  if (options_.threads > 1 && !state.pool) state.pool.emplace(options_.threads);
  PlanOptions options = options_;
  options.pool = state.pool ? &*state.pool : nullptr;
  auto made = std::make_shared<Plan>(model_, inputs, options);
  if (state.plans.size() == kPlans) state.plans.pop_back();
  state.plans.insert(state.plans.begin(), made);
  return made;
}

std::shared_ptr<Plan> Session::known_plan(std::span<const ShapeView> shapes) {
  State& state = this->state();
  const std::unique_lock lock(state.mutex, std::try_to_lock);
  return lock.owns_lock() ? find(state, shapes) : nullptr;
}

void Session::run(Plan& plan, const void* const* inputs, void* const* outputs) {
  State& state = this->state();
  const std::lock_guard lock(state.mutex);
  plan.run(inputs, outputs, state.pool ? &*state.pool : nullptr);
}

std::vector<double> Session::profile(Plan& plan, const void* const* inputs, void* const* outputs, int runs) {
  State& state = this->state();
  const std::lock_guard lock(state.mutex);
  const size_t nodes = std::max<size_t>(1, plan.reports().size());
  std::vector<std::vector<double>> samples(nodes);
  std::vector<double> seconds(nodes);
  ThreadPool* pool = state.pool ? &*state.pool : nullptr;
  plan.run(inputs, outputs, pool);  // warms caches and wakes the workers
  for (int r = 0; r < runs; ++r) {
    std::fill(seconds.begin(), seconds.end(), 0.0);
    plan.profile(inputs, outputs, pool, seconds.data());
    for (size_t i = 0; i < nodes; ++i) samples[i].push_back(seconds[i]);
  }
  std::vector<double> medians;
  for (auto& of_node : samples) medians.push_back(median(of_node));
  medians.resize(plan.reports().size());
  return medians;
}

}  // namespace apus
