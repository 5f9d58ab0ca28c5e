#include "engine/plan.h"

#include <chrono>

#include "engine/builder.h"
#include "engine/recall.h"

namespace apus {

Plan::Plan(std::shared_ptr<const Model> model, const std::vector<Shape>& inputs, const PlanOptions& options)
    : model_(std::move(model)), input_shapes_(inputs) {
  const FlushDenormals flush;  // tables computed now must equal what the steps would compute later
  Recall recall(*model_, inputs, options);
  const bool pays = !recall.alone() && Builder(*this, options, recall).build();
  recall.keep(!pays);
  if (pays) return;
  PlanOptions single = options;
  single.threads = 1, single.pool = nullptr;
  *this = Plan(std::move(model_), inputs, single);
}

void Plan::bind(const void* const* inputs, void* const* outputs) {
  for (size_t i = 0; i < input_slots_.size(); ++i)
    slots_[static_cast<size_t>(input_slots_[i])] = static_cast<uint8_t*>(const_cast<void*>(inputs[i]));  // only read
  for (size_t i = 0; i < output_slots_.size(); ++i)
    slots_[static_cast<size_t>(output_slots_[i])] = static_cast<uint8_t*>(outputs[i]);
}

void Plan::execute() const {
  for (const Step& step : steps_) step.run(step.op, slots_.data(), 0, 1);
}

void Plan::execute(ThreadPool& pool, int thread) const {
  for (const Step& step : steps_) {
    if (step.barrier) pool.barrier();
    if (thread < step.parts) step.run(step.op, slots_.data(), thread, step.parts);
  }
}

void Plan::check_faults() const {
  for (const auto& fault : faults_) {
    const int64_t value = fault->value.exchange(kNoFault);
    if (value != kNoFault) throw Error(ErrorKind::run, fault->message + std::to_string(value));
  }
}

void Plan::run(const void* const* inputs, void* const* outputs, ThreadPool* pool) {
  const FlushDenormals flush;
  bind(inputs, outputs);
  if (!parallel_) {
    execute();
    return check_faults();
  }
  struct Context {
    const Plan* plan;
    ThreadPool* pool;
  } context{this, pool};
  pool->run(
      [](void* c, int thread) { static_cast<Context*>(c)->plan->execute(*static_cast<Context*>(c)->pool, thread); },
      &context);
  check_faults();
}

void Plan::profile(const void* const* inputs, void* const* outputs, ThreadPool* pool, double* seconds) {
  using Clock = std::chrono::steady_clock;
  const FlushDenormals flush;
  bind(inputs, outputs);
  struct Context {
    const Plan* plan;
    ThreadPool* pool;
    double* seconds;
  } context{this, parallel_ ? pool : nullptr, seconds};
  const auto job = [](void* c, int thread) {
    const Context& x = *static_cast<Context*>(c);
    const std::vector<Step>& steps = x.plan->steps_;
    for (size_t i = 0; i < steps.size(); ++i) {
      const auto start = Clock::now();
      if (thread < steps[i].parts) steps[i].run(steps[i].op, x.plan->slots_.data(), thread, steps[i].parts);
      // The barrier of the next step counts as this one's: it waits for this one's other threads.
      if (i + 1 < steps.size() && steps[i + 1].barrier) x.pool->barrier();
      if (thread == 0) x.seconds[steps[i].node] += std::chrono::duration<double>(Clock::now() - start).count();
    }
  };
  if (parallel_) return pool->run(job, &context);
  job(&context, 0);
}

}  // namespace apus
