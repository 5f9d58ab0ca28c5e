// Which kernel, on how many threads: every legal one is estimated, the best two are timed, the reasons are kept.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "engine/builder.h"
#include "kernels/operator.h"

namespace apus {

// One way to compute a node, which makes the weights ready: called only where it is weighed or chosen. What the kernel
// borrows must outlive it, as the artifact does.
using Candidate = std::function<std::shared_ptr<const Operator>()>;

// Bytes of one image, and how many there are.
struct Work {
  int64_t images, x_bytes, y_bytes;
};

struct Choice {
  std::shared_ptr<const Operator> kernel;
  int threads = 1;
};

// The fastest of `candidates` (at least one; the first is the one to stay with when nothing is clear). Two threads must
// be a tenth faster than one. Writes options and reason into the node's report.
Choice choose(Builder& builder, const std::vector<Candidate>& candidates, const Work& work);

}  // namespace apus
