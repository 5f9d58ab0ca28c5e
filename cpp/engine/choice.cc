#include "engine/choice.h"

#include <algorithm>
#include <cstdio>

#include "engine/calibrate.h"

namespace apus {
namespace {

constexpr double kClear = 1.5;         // an estimate this much worse is not worth timing
constexpr double kThreadMargin = 1.1;  // what more threads must win by
constexpr double kBudget = 1e5;        // nanoseconds of timing per option

struct Option {
  const Candidate* candidate;
  KernelOption report;
  double us() const { return report.measured_us > 0 ? report.measured_us : report.estimated_us; }
  bool timed() const { return report.measured_us > 0; }
  double rank() const { return us() * (report.threads > 1 ? kThreadMargin : 1.0); }
};

Option estimated(const Builder& b, const Candidate& candidate, const Work& work, int threads) {
  const Operator& op = *candidate.kernel;
  const double image = op.cost() * b.machine().cycle_ns(op.kernel());
  const double images = static_cast<double>(work.images);
  const bool shared = threads > 1 && work.images > 1;  // whole images per thread
  const double share = shared ? static_cast<double>((work.images + threads - 1) / threads) : images / threads;
  const double meetings = threads == 1 ? 0 : op.scratch_bytes() > 0 && !shared ? 2 : 1;
  const double ns = image * share + meetings * b.machine().barrier_ns(threads);
  return {&candidate, {op.kernel(), threads, ns / 1e3, 0}};
}

void measure(Builder& b, Option& option, const Work& work) {
  ThreadPool* pool = option.report.threads > 1 ? b.pool() : nullptr;
  const double image = time_operator(*option.candidate->kernel, work.x_bytes, work.y_bytes, pool, kBudget);
  option.report.measured_us = image * static_cast<double>(work.images) / 1e3;
}

std::string reason(const std::vector<Option>& options) {
  if (options.size() == 1) return {};
  const Option &best = options[0], &next = options[1];
  char text[160];
  const bool timed = best.timed() && next.timed();
  std::snprintf(text, sizeof text, "%.1f us %s, %.1f on %d thread%s by %s", best.us(), timed ? "measured" : "estimated",
                next.us(), next.report.threads, next.report.threads > 1 ? "s" : "", next.report.kernel.c_str());
  return text;
}

// Nanoseconds that the best option's threads save, against the best one on a single thread.
double saving(const std::vector<Option>& options) {
  for (const Option& option : options)
    if (option.report.threads == 1) return 1e3 * std::max(0.0, option.us() - options[0].us());
  return 0;
}

// Each candidate on one thread and on all. Where nothing is to be timed, the kernel may not depend on the threads, so
// that neither do results: the best on one thread alone goes on.
std::vector<Option> options_of(const Builder& b, const std::vector<Candidate>& candidates, const Work& work) {
  std::vector<Option> singles, all;
  for (const Candidate& candidate : candidates) singles.push_back(estimated(b, candidate, work, 1));
  if (!b.may_time()) {
    const auto best = std::min_element(singles.begin(), singles.end(),
                                       [](const Option& x, const Option& y) { return x.rank() < y.rank(); });
    singles = {*best};
  }
  for (const Option& single : singles) {
    const double cycles = single.candidate->kernel->cost() * static_cast<double>(work.images);
    const bool one = !b.forced() || b.threads_for(cycles) == 1, more = !b.forced() || !one;
    if (one) all.push_back(single);
    if (more && b.threads() > 1) all.push_back(estimated(b, *single.candidate, work, b.threads()));
  }
  return all;
}

}  // namespace

Choice choose(Builder& b, const std::vector<Candidate>& candidates, const Work& work) {
  std::vector<Option> options = options_of(b, candidates, work);
  const auto order = [&] {
    std::stable_sort(options.begin(), options.end(), [](const Option& x, const Option& y) {
      return x.timed() != y.timed() ? x.timed() : x.rank() < y.rank();  // a figure goes before an estimate
    });
  };
  order();
  const bool close = options.size() > 1 && options[1].rank() < kClear * options[0].rank();
  if (close && b.may_time() && work.images > 0 && work.x_bytes > 0) {
    measure(b, options[0], work);
    measure(b, options[1], work);
    order();
  }
  NodeReport& report = b.report();
  report.why = reason(options);
  for (const Option& option : options) report.options.push_back(option.report);
  b.keep(options[0].candidate->keeps);
  if (options[0].report.threads > 1) b.count_saving(saving(options));
  return {options[0].candidate->kernel, options[0].report.threads};
}

}  // namespace apus
