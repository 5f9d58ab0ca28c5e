// The measurements behind Machine.
#pragma once

#include <map>
#include <string>

#include "base/isa.h"
#include "engine/pool.h"
#include "kernels/operator.h"

namespace apus {

// Least nanoseconds of one image over `budget_ns` or more (at least three runs), on random bytes. With a pool, its
// threads share the image; y_bytes and x_bytes are those of one image.
double time_operator(const Operator& op, int64_t x_bytes, int64_t y_bytes, ThreadPool* pool, double budget_ns);

// Both measure several times and keep the least of each figure, also of those that `figures` had already. False where
// the machine was busy, so that the figures may be too high: times disagree, or the threads did not have their CPUs.

// "cycle KERNEL": nanoseconds a cycle of cost(), of every block16 kernel that this ISA would use.
bool calibrate_kernels(Isa isa, std::map<std::string, double>& figures);

// "barrier P" and "run P" for the pool's P threads.
bool calibrate_pool(ThreadPool& pool, std::map<std::string, double>& figures);

}  // namespace apus
