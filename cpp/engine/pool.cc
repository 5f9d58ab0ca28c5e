#include "engine/pool.h"

#include <chrono>

#if defined(__linux__)
#include <sched.h>
#endif
#if defined(__x86_64__)
#include <xmmintrin.h>
#endif

namespace apus {
namespace {

// Plain polls before the clock is asked; then yields, until it is cheaper to sleep. Within a run work is never far, and
// to be woken takes as long as a layer: whoever slept would keep the others waiting until they sleep too, and so on.
constexpr int kPolls = 2000;
constexpr auto kBetweenRuns = std::chrono::microseconds(50), kWithinRun = std::chrono::microseconds(2000);

void pause() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

bool poll(const std::atomic<uint32_t>& word, uint32_t old) {
  for (int i = 0; i < kPolls; ++i) {
    if (word.load(std::memory_order_acquire) != old) return true;
    if ((i & 15) == 15) pause();
  }
  return false;
}

// Waits until `word` is no longer `old`: polls, then lets others run, then sleeps.
void await_change(const std::atomic<uint32_t>& word, uint32_t old, std::chrono::microseconds spin) {
  if (poll(word, old)) return;
  const auto deadline = std::chrono::steady_clock::now() + spin;
  while (std::chrono::steady_clock::now() < deadline) {
    if (word.load(std::memory_order_acquire) != old) return;
    std::this_thread::yield();
  }
  while (word.load(std::memory_order_acquire) == old) word.wait(old, std::memory_order_acquire);
}

// CPUs that the calling thread may use, and how it keeps off one of them. What fails is no error: work is only slower.
#if defined(__linux__)
class Places {
 public:
  Places() {
    if (sched_getaffinity(0, sizeof all_, &all_) != 0) CPU_ZERO(&all_);
  }
  static int here() { return sched_getcpu(); }
  void leave(int cpu) const {
    if (cpu < 0 || cpu >= CPU_SETSIZE || here() != cpu) return;
    cpu_set_t others = all_;
    CPU_CLR(cpu, &others);
    if (CPU_COUNT(&others) > 0) sched_setaffinity(0, sizeof others, &others);
  }

 private:
  cpu_set_t all_;
};
#else
struct Places {
  static int here() { return -1; }
  void leave(int) const {}
};
#endif

}  // namespace

ThreadPool::ThreadPool(int threads) : claims_(new Claim[static_cast<size_t>(threads)]) {
  for (int t = 1; t < threads; ++t) workers_.emplace_back(&ThreadPool::work, this, t);
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  open_.fetch_add(1, std::memory_order_release);
  open_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(Job job, void* context, int segments) {
  if (workers_.empty()) {
    for (int segment = 0; segment < segments; ++segment) job(context, segment, 0);
    return;
  }
  if (segments < 1) return;
  job_ = job;
  context_ = context;
  caller_cpu_.store(Places::here(), std::memory_order_relaxed);
  first_ = open_.load(std::memory_order_relaxed) + 1;
  last_ = first_ + static_cast<uint32_t>(segments) - 1;
  for (int t = 1; t < threads(); ++t) claims_[static_cast<size_t>(t)].absent = false;
  open_.store(first_, std::memory_order_release);
  open_.notify_all();
  for (uint32_t segment = first_; segment != last_ + 1; ++segment) {
    take(segment, 0);
    gather(segment);
  }
}

// Only who claims a unit of the open segment may look at the run: until the unit is done the run cannot end.
bool ThreadPool::take(uint32_t segment, int unit) {
  std::atomic<uint32_t>& claim = claims_[static_cast<size_t>(unit)].segment;
  uint32_t had = claim.load(std::memory_order_relaxed);
  if (static_cast<int32_t>(segment - had) <= 0) return false;
  if (!claim.compare_exchange_strong(had, segment, std::memory_order_acq_rel)) return false;
  job_(context_, static_cast<int>(segment - first_), unit);
  if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 < static_cast<uint32_t>(threads())) return true;
  done_.store(0, std::memory_order_relaxed);
  if (segment == last_)
    for (int t = 0; t < threads(); ++t)
      claims_[static_cast<size_t>(t)].segment.store(segment + 1, std::memory_order_relaxed);
  open_.store(segment + 1, std::memory_order_release);
  open_.notify_all();
  return true;
}

void ThreadPool::gather(uint32_t segment) {
  take_over(segment, false);
  if (poll(open_, segment)) return;
  take_over(segment, true);
  await_change(open_, segment, kWithinRun);
}

// Units of threads that did not come last time, or of all that have not come yet.
void ThreadPool::take_over(uint32_t segment, bool all) {
  for (int t = 1; t < threads(); ++t) {
    bool& absent = claims_[static_cast<size_t>(t)].absent;
    if (all || absent) absent = take(segment, t);
  }
}

void ThreadPool::work(int thread) {
  const FlushDenormals flush;
  const Places places;
  for (uint32_t seen = 0;;) {
    await_change(open_, seen, kBetweenRuns);
    seen = open_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    places.leave(caller_cpu_.load(std::memory_order_relaxed));
    take(seen, thread);
  }
}

#if defined(__x86_64__)
FlushDenormals::FlushDenormals() : saved_(_mm_getcsr()) { _mm_setcsr(static_cast<unsigned>(saved_) | 0x8040); }
FlushDenormals::~FlushDenormals() { _mm_setcsr(static_cast<unsigned>(saved_)); }
#elif defined(__aarch64__)
FlushDenormals::FlushDenormals() {
  __asm__ volatile("mrs %0, fpcr" : "=r"(saved_));
  __asm__ volatile("msr fpcr, %0" ::"r"(saved_ | (1ull << 24)));
}
FlushDenormals::~FlushDenormals() { __asm__ volatile("msr fpcr, %0" ::"r"(saved_)); }
#else
FlushDenormals::FlushDenormals() : saved_(0) {}
FlushDenormals::~FlushDenormals() = default;
#endif

}  // namespace apus
