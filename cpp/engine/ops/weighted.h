// What conv and linear have in common: weights from the artifact, the epilogue, and the report.
#pragma once

#include "engine/builder.h"
#include "kernels/block16/block16.h"

namespace apus {

Block16Weights block16_weights(const Model& model, const Node& node, int64_t inputs);
Epilogue epilogue_of(const Builder& builder, const Node& node);

// Bytes of all the node's constants.
int64_t weight_bytes(const Model& model, const Node& node);

// Tells what `kernel` (any of the kernel classes) is; `images` is how often it runs.
template <class Kernel>
void describe(Builder& builder, const Node& node, const Kernel& kernel, int64_t images, int64_t nonzero_macs) {
  NodeReport& report = builder.report();
  report.kernel = kernel.kernel();
  report.isa = kernel.isa();
  report.macs = kernel.macs() * images;
  report.nonzero_macs = nonzero_macs * images;
  report.density = report.macs > 0 ? static_cast<double>(report.nonzero_macs) / static_cast<double>(report.macs) : 1;
  report.weight_bytes = weight_bytes(builder.model(), node);
}

// Steps that run `kernel` over `images` images: whole images per thread where there are enough, else all threads on
// each.
template <class Kernel>
struct Images {
  std::shared_ptr<const Kernel> kernel;
  int x, y, scratch;
  int64_t images, x_bytes, y_bytes, scratch_bytes;

  uint8_t* scratch_of(Slots s, int part) const {
    return scratch_bytes > 0 ? s[scratch] + part * scratch_bytes : nullptr;
  }

  void operator()(Slots s, int part, int parts) const {
    uint8_t* mine = scratch_of(s, part);
    for (int64_t i = images * part / parts; i < images * (part + 1) / parts; ++i) {
      if (mine != nullptr) kernel->stage(s[x] + i * x_bytes, mine, 0, 1);
      kernel->compute(s[x] + i * x_bytes, mine, s[y] + i * y_bytes, 0, 1);
    }
  }
};

template <class Kernel>
struct StageImage {
  Images<Kernel> of;
  void operator()(Slots s, int part, int parts) const { of.kernel->stage(s[of.x], of.scratch_of(s, 0), part, parts); }
};

template <class Kernel>
struct ComputeImage {
  Images<Kernel> of;
  void operator()(Slots s, int part, int parts) const {
    of.kernel->compute(s[of.x], of.scratch_of(s, 0), s[of.y], part, parts);
  }
};

template <class Kernel>
void add_images(Builder& b, Images<Kernel> work) {
  const int threads = b.threads_for(work.kernel->cost() * static_cast<double>(work.images));
  const int parts = static_cast<int>(std::min<int64_t>(threads, std::max<int64_t>(work.images, 1)));
  work.scratch_bytes = static_cast<int64_t>(align_up(static_cast<size_t>(work.kernel->scratch_bytes())));
  work.scratch = work.scratch_bytes > 0 ? b.scratch(work.scratch_bytes * parts) : -1;
  if (work.images != 1 || threads == 1) return b.add(work, parts);
  if (work.scratch_bytes > 0) b.add(StageImage<Kernel>{work}, threads);
  b.add(ComputeImage<Kernel>{work}, threads);
}

}  // namespace apus
