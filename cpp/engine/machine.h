// What this machine does in how long: measured once, kept in a file, read by the planner (engine/choice.h).
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "base/isa.h"
#include "engine/pool.h"

namespace apus {

class Machine {
 public:
  // The compiled-in figures: the same on every machine, so that plans made with them are too.
  static const Machine& standard();

  // Measured for this ISA (some 40 ms), or read from $XDG_CACHE_HOME/apus (else ~/.cache/apus), where it is kept by
  // processor and ISA. A folder that cannot be written is no error. `pool`: to measure the barrier with; may be null.
  static const Machine& known(Isa isa, ThreadPool* pool) { return find(isa, pool, false); }
  // The same for who is to plan: what was measured while the machine was busy is measured again, once by each process,
  // at most kMostTries times in all, and the least of each figure stays.
  static const Machine& measured(Isa isa, ThreadPool* pool) { return find(isa, pool, true); }

  // Nanoseconds of a cycle of Operator::cost(), for a kernel by name: how true its constants are here.
  double cycle_ns(const std::string& kernel) const;
  double barrier_ns(int threads) const;  // all threads meeting once, awake
  double run_ns(int threads) const;      // giving work to the pool and waiting for its end, awake

  // Of the figures by kernel, and of how often those of kernels and of `threads` were measured: differs after another
  // measurement.
  uint64_t identity(int threads) const;
  // Whether they will not be measured again.
  bool settled(int threads) const;

 private:
  static const Machine& find(Isa isa, ThreadPool* pool, bool again);

  std::map<std::string, double> figures_;
};

}  // namespace apus
