// What an earlier process chose for this network, these shapes and this machine, so that nothing is timed again.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/machine.h"
#include "engine/plan.h"

namespace apus {

class Recall {
 public:
  // Reads $XDG_CACHE_HOME/apus/plans, by network (its checksums), shapes, processor, ISA, threads, accuracy and this
  // very build of the engine. A plan made with other figures of the machine is void; but one made while the machine was
  // busy, whose figures are to be measured again, serves for ten minutes, so that the next starts are quick.
  // A plan that may time nothing neither reads nor writes.
  Recall(const Model& model, const std::vector<Shape>& inputs, const PlanOptions& options);

  // The figures to plan with; where a plan is known, nothing was measured for them.
  const Machine& machine() const { return *machine_; }

  // True if threads were found not to pay, so that one is to be planned for.
  bool alone() const { return known_ && alone_; }

  // What was weighed at the next choice, best first; empty if that is not known. Choices come in the order of nodes.
  std::vector<KernelOption> next();
  // This choice's options, known or fresh. Where they are not those of next(), what is known of the later ones is void.
  void add(const std::vector<KernelOption>& options, bool known);

  // Writes what was added, if this process weighed any of it, or whether threads pay.
  void keep(bool alone) const;

 private:
  bool read();
  std::string text(bool alone) const;

  std::filesystem::path path_;  // empty: nothing is read or written
  const Machine* machine_;
  std::string key_;
  std::vector<std::vector<KernelOption>> choices_;  // added by now; at first, all that was read
  size_t at_ = 0;
  int threads_;
  bool known_ = false, alone_ = false, weighed_ = false;
};

}  // namespace apus
