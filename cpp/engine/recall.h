// What an earlier process chose for this network, these shapes and this machine, so that nothing is timed again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/plan.h"

namespace apus {

class Recall {
 public:
  // Reads $XDG_CACHE_HOME/apus/plans, by network (its checksums), shapes, processor, ISA, threads, accuracy, this very
  // build of the engine and its measurements of the machine. A plan that times nothing neither reads nor writes.
  Recall(const Model& model, const std::vector<Shape>& inputs, const PlanOptions& options);

  // True if threads were found not to pay, so that one is to be planned for.
  bool alone() const { return known_ && alone_; }

  // What was weighed at the next choice, best first; empty if that is not known. Choices come in the order of nodes.
  std::vector<KernelOption> next();
  // This choice's options, known or fresh. Where they are not those of next(), what is known of the later ones is void.
  void add(const std::vector<KernelOption>& options, bool known);

  // Writes what was added, if any of it was timed in this process.
  void keep(bool alone) const;

 private:
  void read();
  std::string text(bool alone) const;

  std::filesystem::path path_;  // empty: nothing is read or written
  std::string key_;
  std::vector<std::vector<KernelOption>> choices_;  // added by now; at first, all that was read
  size_t at_ = 0;
  int threads_;
  bool known_ = false, alone_ = false, timed_ = false;
};

}  // namespace apus
