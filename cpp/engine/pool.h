// Persistent threads. A run is a row of segments, each of one unit per thread: a segment opens when all units of the
// one before are done. Thread t takes unit t, and what another does not come for the caller (thread 0) takes as well,
// so that a thread which waits for a CPU keeps nobody waiting. A worker that finds itself on the caller's CPU leaves
// it: a woken thread often starts where it was woken, and two that spin for each other on one CPU take turns of
// milliseconds.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
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

  // Calls job(context, segment, unit) for every segment 0..segments-1 and unit 0..threads()-1; returns when all have
  // been. What a segment wrote, later ones see. One run at a time.
  using Job = void (*)(void* context, int segment, int unit);
  void run(Job job, void* context, int segments = 1);

 private:
  struct alignas(64) Claim {
    std::atomic<uint32_t> segment{0};  // the last one whose unit was taken
    bool absent = false;               // its thread did not come for the unit before; the caller's own note
  };

  void work(int thread);
  bool take(uint32_t segment, int unit);  // claims a unit and does it; false: another has it
  void gather(uint32_t segment);          // until the segment is done, by taking what nobody comes for
  void take_over(uint32_t segment, bool all);

  std::vector<std::thread> workers_;
  std::unique_ptr<Claim[]> claims_;  // of each unit
  Job job_ = nullptr;
  void* context_ = nullptr;
  uint32_t first_ = 0, last_ = 0;  // segments of the run, as they are counted
  std::atomic<int> caller_cpu_{-1};
  alignas(64) std::atomic<uint32_t> open_{0};  // counts segments, and one between runs of which nothing is to take
  alignas(64) std::atomic<uint32_t> done_{0};  // units of the open segment
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
