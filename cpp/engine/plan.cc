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

void Plan::execute(int segment, int thread) const {
  for (size_t i = segments_[static_cast<size_t>(segment)]; i < segments_[static_cast<size_t>(segment) + 1]; ++i) {
    const Step& step = steps_[i];
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
  const auto job = [](void* plan, int segment, int unit) { static_cast<const Plan*>(plan)->execute(segment, unit); };
  pool->run(job, this, static_cast<int>(segments_.size()) - 1);
  check_faults();
}

void Plan::profile(const void* const* inputs, void* const* outputs, ThreadPool* pool, double* seconds) {
  using Clock = std::chrono::steady_clock;
  const FlushDenormals flush;
  bind(inputs, outputs);
  struct Context {
    const Plan& plan;
    double* seconds;
    Clock::time_point since;
    void ended(int step) {
      const auto now = Clock::now();
      if (step >= 0)
        seconds[plan.steps_[static_cast<size_t>(step)].node] += (now - since) / std::chrono::duration<double>(1);
      since = now;
    }
  } context{*this, seconds, {}};
  const int steps = static_cast<int>(steps_.size());
  const auto job = [](void* c, int i, int unit) {  // a step a segment: the caller comes to it when the last is done
    Context& all = *static_cast<Context*>(c);
    const Step& step = all.plan.steps_[static_cast<size_t>(i)];
    if (unit == 0) all.ended(i - 1);
    if (unit < step.parts) step.run(step.op, all.plan.slots_.data(), unit, step.parts);
  };
  if (parallel_) pool->run(job, &context, steps);
  for (int i = 0; i < steps && !parallel_; ++i) job(&context, i, 0);
  context.ended(steps - 1);
}

}  // namespace apus
