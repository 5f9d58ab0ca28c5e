#include "engine/calibrate.h"

#include <time.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <functional>
#include <limits>
#include <memory>
#include <vector>

#include "base/buffer.h"
#include "kernels/conv_block16/conv_block16.h"
#include "kernels/conv_unstructured/conv_unstructured.h"
#include "kernels/linear_block16/linear_block16.h"
#include "kernels/linear_dense/linear_dense.h"
#include "kernels/linear_slots/linear_slots.h"
#include "kernels/linear_unstructured/linear_unstructured.h"
#include "kernels/linear_windows/linear_windows.h"

namespace apus {
namespace {

using Clock = std::chrono::steady_clock;

double nanoseconds_since(Clock::time_point start) {
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count();
}

void fill(AlignedBuffer& buffer) {
  uint32_t state = 1;
  for (size_t i = 0; i < buffer.size(); ++i)
    buffer.data()[i] = static_cast<uint8_t>((state = state * 1664525 + 1013904223) >> 26);
}

// 16x1 weights at a quarter of full density, the same columns in no two strips; or all of them.
struct Sample {
  static constexpr int64_t kOutputs = 128, kInputs = 256;
  std::vector<uint32_t> strips;
  std::vector<uint16_t> columns;
  std::vector<float> values, multiplier;
  Block16Weights weights;

  enum class Kind : uint8_t { plain, runs, bf16, whole };

  explicit Sample(Element x, Kind kind = Kind::plain) : values(kOutputs * kInputs), multiplier(kOutputs, 1e-3f) {
    const bool runs = kind == Kind::runs, whole = kind == Kind::whole;
    const int64_t kept = whole ? kInputs : kInputs / 4;
    const int64_t group = x == Element::u8 ? 4 : kind == Kind::bf16 ? 2 : 1;
    for (int64_t strip = 0; strip <= kOutputs / kStrip; ++strip)
      strips.push_back(static_cast<uint32_t>(strip * kept / group));
    for (int64_t i = 0; i < kOutputs / kStrip * kept; ++i) {
      const int64_t apart = runs ? i % kept / 4 * 16 + i % 4 : i % kept * 4 + i / kept * 7 % 4;
      columns.push_back(static_cast<uint16_t>(whole ? i % kept : apart));
    }
    std::memset(values.data(), x == Element::u8 ? 3 : 0x3C, values.size() * 4);  // 0x3C3C...: 0.01, in bfloat16 too
    weights.bf16 = kind == Kind::bf16;
    weights.outputs = kOutputs, weights.inputs = kInputs;
    weights.strips = strips.data(), weights.columns = columns.data(), weights.values = values.data();
    if (x == Element::u8) weights.multiplier = multiplier.data();
  }
};

void calibrate(const Operator& op, int64_t positions, const Epilogue& epilogue,
               std::map<std::string, double>& figures) {
  const double ns = time_operator(op, Sample::kInputs * positions * element_size(epilogue.x),
                                  Sample::kOutputs * positions * element_size(epilogue.y), nullptr, 5e5);
  figures[std::string("cycle ") + op.kernel()] = ns / op.cost();
}

// The same matrix by single weights, at an eighth of full density, no two rows alike.
struct SingleSample {
  static constexpr int64_t kKept = Sample::kInputs / 8;
  std::vector<uint32_t> rows;
  std::vector<uint16_t> columns;
  std::vector<float> values, multiplier;
  UnstructuredWeights weights;

  explicit SingleSample(Element x) : values(Sample::kOutputs * kKept, 0.01f), multiplier(Sample::kOutputs, 1e-3f) {
    for (int64_t row = 0; row <= Sample::kOutputs; ++row) rows.push_back(static_cast<uint32_t>(row * kKept));
    for (int64_t i = 0; i < Sample::kOutputs * kKept; ++i)
      columns.push_back(static_cast<uint16_t>(i % kKept * 8 + (i * 2654435761u >> 8) % 8));
    if (x == Element::u8) std::memset(values.data(), 3, values.size() * 4);
    weights.outputs = Sample::kOutputs, weights.inputs = Sample::kInputs;
    weights.rows = rows.data(), weights.columns = columns.data(), weights.values = values.data();
    if (x == Element::u8) weights.multiplier = multiplier.data();
  }
};

void calibrate_single(const Epilogue& epilogue, Isa isa, std::map<std::string, double>& figures) {
  constexpr int64_t kRows = 64, kSide = 8;
  const SingleSample sample(epilogue.x);
  const UnstructuredWeights& w = sample.weights;
  if (LinearSlots::serves(w, epilogue, isa)) calibrate(LinearSlots(w, 1, epilogue, isa, 1), 1, epilogue, figures);
  if (epilogue.x != Element::f32) return;
  calibrate(LinearUnstructured(w, kRows, epilogue, isa, 1), kRows, epilogue, figures);
  const Window window{Sample::kInputs, kSide, kSide, kSide, kSide};
  calibrate(ConvUnstructured(w, window, epilogue, isa, 1), kSide * kSide, epilogue, figures);
}

void calibrate_types(const Epilogue& epilogue, Isa isa, std::map<std::string, double>& figures,
                     Sample::Kind kind = Sample::Kind::plain) {
  constexpr int64_t kRows = 64, kSide = 8;
  const Sample sample(epilogue.x, kind);
  const Block16Weights& w = sample.weights;
  calibrate(LinearBlock16(w, 1, epilogue, isa, 1, LinearBlock16::Road::rows), 1, epilogue, figures);
  calibrate(LinearBlock16(w, kRows, epilogue, isa, 1, LinearBlock16::Road::planes), kRows, epilogue, figures);
  if (LinearWindows::serves(w, epilogue, isa)) calibrate(LinearWindows(w, 1, epilogue, isa, 1), 1, epilogue, figures);
  const Sample whole(epilogue.x, Sample::Kind::whole);
  if (kind == Sample::Kind::plain && LinearDense::serves(whole.weights, epilogue, isa))
    calibrate(LinearDense(whole.weights, kRows, epilogue, isa, 1), kRows, epilogue, figures);
  if (epilogue.x == Element::u8) {
    const Sample neighbours(epilogue.x, Sample::Kind::runs);
    calibrate(LinearBlock16(neighbours.weights, 1, epilogue, isa, 1, LinearBlock16::Road::rows), 1, epilogue, figures);
  }
  const Window window{Sample::kInputs, kSide, kSide, kSide, kSide};
  calibrate(ConvBlock16(w, window, epilogue, isa, 1), kSide * kSide, epilogue, figures);
}

double median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

double seconds(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

using Figures = std::map<std::string, double>;

// Passes go on until each figure has come twice, within `like` of the least. `clock` counts the CPU time of `threads`.
bool repeated(Figures& figures, clockid_t clock, int threads, double like, const std::function<void(Figures&)>& pass) {
  constexpr int kMostPasses = 8;
  constexpr double kOwn = 0.85, kMostSeconds = 0.3;
  const double start = seconds(CLOCK_MONOTONIC), used = seconds(clock);
  const auto elapsed = [&] { return seconds(CLOCK_MONOTONIC) - start; };
  Figures least, second;
  bool alike = false;
  for (int i = 0; i < kMostPasses && !alike && (i < 2 || elapsed() < kMostSeconds); ++i) {
    Figures now;
    pass(now);
    alike = i > 0;
    for (const auto& [name, value] : now) {
      double& best = least.try_emplace(name, value).first->second;
      double& next = second.try_emplace(name, std::numeric_limits<double>::max()).first->second;
      if (i > 0) next = std::min(next, std::max(best, value));
      best = std::min(best, value);
      alike = alike && next <= like * best;
    }
  }
  const bool own = seconds(clock) - used >= kOwn * threads * elapsed();
  for (const auto& [name, value] : least) {
    double& known = figures.try_emplace(name, value).first->second;
    known = std::min(known, value);
  }
  return alike && own;
}

void time_pool(ThreadPool& pool, Figures& figures) {
  constexpr int kMeetings = 64, kRounds = 31;
  const auto job = [](void*, int, int) {};
  const std::string threads = std::to_string(pool.threads());
  std::vector<double> barriers, runs;
  for (int round = 0; round < kRounds; ++round) {
    auto start = Clock::now();
    pool.run(job, nullptr);
    const double empty = nanoseconds_since(start);
    start = Clock::now();
    pool.run(job, nullptr, 1 + kMeetings);
    runs.push_back(empty);
    barriers.push_back(std::max(1.0, nanoseconds_since(start) - empty) / kMeetings);
  }
  figures["barrier " + threads] = median(barriers);
  figures["run " + threads] = median(runs);
}

}  // namespace

double time_operator(const Operator& op, int64_t x_bytes, int64_t y_bytes, ThreadPool* pool, double budget_ns) {
  AlignedBuffer x(static_cast<size_t>(x_bytes)), y(static_cast<size_t>(y_bytes));
  const size_t each = align_up(static_cast<size_t>(op.scratch_bytes()));
  const int64_t apart = op.owns_scratch() ? static_cast<int64_t>(each) : 0;
  const AlignedBuffer scratch(each * static_cast<size_t>(op.owns_scratch() && pool ? pool->threads() : 1));
  fill(x);
  struct Context {
    const Operator& op;
    const void* x;
    uint8_t* scratch;
    int64_t apart;  // from one thread's scratch to the next one's
    void* y;
    int parts, segments;  // of one image
  } context{op,
            x.data(),
            scratch.data(),
            apart,
            y.data(),
            pool ? pool->threads() : 1,
            op.scratch_bytes() > 0 && !op.owns_scratch() ? 2 : 1};
  const auto job = [](void* c, int segment, int thread) {
    const Context& all = *static_cast<Context*>(c);
    uint8_t* const mine = all.scratch + thread * all.apart;
    if ((segment + 1) % all.segments)
      all.op.stage(all.x, mine, thread, all.parts);
    else
      all.op.compute(all.x, mine, all.y, thread, all.parts);
  };
  const auto images = [&](int count) {
    if (pool) return pool->run(job, &context, count * context.segments);
    for (int segment = 0; segment < count * context.segments; ++segment) job(&context, segment, 0);
  };
  images(1);
  double best = 1e30;
  const auto begin = Clock::now();
  for (int round = 0; round < 3 || nanoseconds_since(begin) < budget_ns; ++round) {
    const auto start = Clock::now();
    images(4);  // several, so that the clock's grain does not show
    best = std::min(best, nanoseconds_since(start) / 4);
  }
  return best;
}

bool calibrate_kernels(Isa isa, std::map<std::string, double>& figures) {
  return repeated(figures, CLOCK_THREAD_CPUTIME_ID, 1, 1.15, [isa](Figures& now) {
    calibrate_types({Element::f32, Element::f32}, isa, now);
    calibrate_types({Element::f32, Element::f32}, isa, now, Sample::Kind::bf16);
    calibrate_types({Element::u8, Element::u8, 0, 0, 0, 255}, isa, now);
    calibrate_types({Element::u8, Element::f32}, isa, now);
    calibrate_single({Element::f32, Element::f32}, isa, now);
    calibrate_single({Element::u8, Element::u8, 0, 0, 0, 255}, isa, now);
    calibrate_single({Element::u8, Element::f32}, isa, now);
  });
}

bool calibrate_pool(ThreadPool& pool, std::map<std::string, double>& figures) {
  constexpr double kPlausible = 1000;  // nanoseconds a thread: beyond, threads shared a core, or the host moved them
  const int threads = pool.threads();
  const bool calm =
      repeated(figures, CLOCK_PROCESS_CPUTIME_ID, threads, 1.3, [&pool](Figures& now) { time_pool(pool, now); });
  return calm && figures["barrier " + std::to_string(threads)] <= kPlausible * threads;
}

}  // namespace apus
