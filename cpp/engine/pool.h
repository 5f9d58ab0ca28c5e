// Persistent threads. The caller is thread 0; the others are woken once per run and meet at barriers within it. A
// worker that finds itself on the caller's CPU leaves it: a woken thread often starts where it was woken, and two that
// spin for each other on one CPU take turns of milliseconds.
#pragma once

#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace apus {

class ThreadPool {
 public:
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls job(context, thread) on every thread at once; returns when all have. One run at a time.
  using Job = void (*)(void* context, int thread);
  void run(Job job, void* context);

  // All threads of a run meet here; what each wrote before, all see after.
  void barrier();

 private:
  void work(int thread);

  std::vector<std::thread> workers_;
  Job job_ = nullptr;
  void* context_ = nullptr;
  int caller_cpu_ = -1;
  alignas(64) std::atomic<uint32_t> run_{0};      // counts runs; a change starts the workers
  alignas(64) std::atomic<uint32_t> arrived_{0};  // threads at the barrier
  alignas(64) std::atomic<uint32_t> phase_{0};    // counts barriers; a change releases the waiting
  std::atomic<bool> stop_{false};
};

// Flushes denormals to zero within its scope, on every ISA alike.
class FlushDenormals {
 public:
  FlushDenormals();
  ~FlushDenormals();
  FlushDenormals(const FlushDenormals&) = delete;
  FlushDenormals& operator=(const FlushDenormals&) = delete;

 private:
  uint64_t saved_;
};

}  // namespace apus
