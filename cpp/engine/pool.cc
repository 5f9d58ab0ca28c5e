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

// Waits until `word` is no longer `old`: polls, then lets others run, then sleeps.
void await_change(const std::atomic<uint32_t>& word, uint32_t old, std::chrono::microseconds spin) {
  for (int i = 0; i < kPolls; ++i) {
    if (word.load(std::memory_order_acquire) != old) return;
    if ((i & 15) == 15) pause();
  }
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

ThreadPool::ThreadPool(int threads) {
  for (int t = 1; t < threads; ++t) workers_.emplace_back(&ThreadPool::work, this, t);
}

ThreadPool::~ThreadPool() {
  stop_.store(true, std::memory_order_relaxed);
  run_.fetch_add(1, std::memory_order_release);
  run_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run(Job job, void* context) {
  job_ = job;
  context_ = context;
  if (!workers_.empty()) caller_cpu_ = Places::here();
  run_.fetch_add(1, std::memory_order_release);
  run_.notify_all();
  job(context, 0);
  barrier();
}

void ThreadPool::barrier() {
  const uint32_t phase = phase_.load(std::memory_order_acquire);
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<uint32_t>(threads())) {
    arrived_.store(0, std::memory_order_relaxed);
    phase_.store(phase + 1, std::memory_order_release);
    phase_.notify_all();
  } else {
    await_change(phase_, phase, kWithinRun);
  }
}

void ThreadPool::work(int thread) {
  const FlushDenormals flush;
  const Places places;
  for (uint32_t seen = 0;;) {
    await_change(run_, seen, kBetweenRuns);
    seen = run_.load(std::memory_order_acquire);
    if (stop_.load(std::memory_order_relaxed)) return;
    places.leave(caller_cpu_);
    job_(context_, thread);
    barrier();
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
