#include "engine/choice.h"

#include <algorithm>
#include <cstdio>

#include "engine/calibrate.h"

namespace apus {
namespace {

constexpr double kClear = 1.5;         // an estimate this much worse is not worth timing
constexpr double kThreadMargin = 1.1;  // what more threads must win by
constexpr double kBudget = 1e5;        // nanoseconds of timing per option

double us(const KernelOption& o) { return o.measured_us > 0 ? o.measured_us : o.estimated_us; }
bool timed(const KernelOption& o) { return o.measured_us > 0; }
double rank(const KernelOption& o) { return us(o) * (o.threads > 1 ? kThreadMargin : 1.0); }
bool less(const KernelOption& a, const KernelOption& b) { return rank(a) < rank(b); }

using Kernels = std::vector<std::shared_ptr<const Operator>>;

KernelOption estimated(const Builder& b, const Kernels& kernels, int candidate, const Work& work, int threads) {
  const Operator& op = *kernels[static_cast<size_t>(candidate)];
  const double image = op.cost() * b.machine().cycle_ns(op.kernel());
  const double images = static_cast<double>(work.images);
  const bool shared = threads > 1 && work.images > 1;  // whole images per thread
  const double share = shared ? static_cast<double>((work.images + threads - 1) / threads) : images / threads;
  const bool stages_first = op.scratch_bytes() > 0 && !op.owns_scratch() && !shared;
  const double meetings = threads == 1 ? 0 : stages_first ? 2 : 1;
  const double ns = image * share + meetings * b.machine().barrier_ns(threads);
  return {op.kernel(), threads, ns / 1e3, 0, candidate};
}

void measure(Builder& b, const Kernels& kernels, KernelOption& option, const Work& work) {
  ThreadPool* pool = option.threads > 1 ? b.pool() : nullptr;
  const Operator& op = *kernels[static_cast<size_t>(option.candidate)];
  const double image = time_operator(op, work.x_bytes, work.y_bytes, pool, kBudget);
  option.measured_us = image * static_cast<double>(work.images) / 1e3;
}

std::string reason(const std::vector<KernelOption>& options) {
  if (options.size() == 1) return {};
  const KernelOption &best = options[0], &next = options[1];
  char text[160];
  std::snprintf(text, sizeof text, "%.1f us %s, %.1f on %d thread%s by %s", us(best),
                timed(best) && timed(next) ? "measured" : "estimated", us(next), next.threads,
                next.threads > 1 ? "s" : "", next.kernel.c_str());
  return text;
}

// Nanoseconds that the best option's threads save, against the best one on a single thread.
double saving(const std::vector<KernelOption>& options) {
  for (const KernelOption& option : options)
    if (option.threads == 1) return 1e3 * std::max(0.0, us(option) - us(options[0]));
  return 0;
}

// Each candidate on one thread and on all. Where nothing is to be timed, the kernel may not depend on the threads, so
// that neither do results: the best on one thread alone goes on.
std::vector<KernelOption> options_of(const Builder& b, const Kernels& kernels, const Work& work) {
  std::vector<KernelOption> singles, all;
  for (size_t i = 0; i < kernels.size(); ++i) singles.push_back(estimated(b, kernels, static_cast<int>(i), work, 1));
  if (!b.may_time()) singles = {*std::min_element(singles.begin(), singles.end(), less)};
  for (const KernelOption& single : singles) {
    const double cycles = kernels[static_cast<size_t>(single.candidate)]->cost() * static_cast<double>(work.images);
    const bool one = !b.forced() || b.threads_for(cycles) == 1, more = !b.forced() || !one;
    if (one) all.push_back(single);
    if (more && b.threads() > 1) all.push_back(estimated(b, kernels, single.candidate, work, b.threads()));
  }
  return all;
}

std::vector<KernelOption> weighed(Builder& b, const Kernels& kernels, const Work& work) {
  std::vector<KernelOption> options = options_of(b, kernels, work);
  const auto order = [&] {
    std::stable_sort(options.begin(), options.end(), [](const KernelOption& x, const KernelOption& y) {
      return timed(x) != timed(y) ? timed(x) : less(x, y);  // a figure goes before an estimate
    });
  };
  order();
  const bool close = options.size() > 1 && rank(options[1]) < kClear * rank(options[0]);
  if (close && b.may_time() && work.images > 0 && work.x_bytes > 0) {
    measure(b, kernels, options[0], work);
    measure(b, kernels, options[1], work);
    order();
  }
  return options;
}

// The kernel that was chosen before, if that is still one of the candidates.
std::shared_ptr<const Operator> recalled(const Builder& b, const std::vector<KernelOption>& options,
                                         const std::vector<Candidate>& candidates) {
  if (options.empty() || static_cast<size_t>(options[0].candidate) >= candidates.size()) return nullptr;
  if (options[0].threads != 1 && options[0].threads != b.threads()) return nullptr;
  auto kernel = candidates[static_cast<size_t>(options[0].candidate)]();
  return kernel->kernel() == options[0].kernel ? kernel : nullptr;
}

}  // namespace

Choice choose(Builder& b, const std::vector<Candidate>& candidates, const Work& work) {
  std::vector<KernelOption> options = b.recall().next();
  std::shared_ptr<const Operator> kernel = recalled(b, options, candidates);
  const bool known = kernel != nullptr;
  if (!known) {
    Kernels kernels;
    for (const Candidate& make : candidates) kernels.push_back(make());
    options = weighed(b, kernels, work);
    kernel = kernels[static_cast<size_t>(options[0].candidate)];
  }
  b.recall().add(options, known);
  const int threads = options[0].threads;
  if (threads > 1) b.count_saving(saving(options));
  b.report().why = reason(options);
  b.report().options = std::move(options);
  return {std::move(kernel), threads};
}

}  // namespace apus
