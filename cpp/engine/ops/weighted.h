// What conv and linear have in common: weights from the artifact, the epilogue, and the report.
#pragma once

#include "engine/builder.h"
#include "engine/choice.h"
#include "kernels/block16/block16.h"
#include "kernels/operator.h"

namespace apus {

class NodeBlocks;

Epilogue epilogue_of(const Builder& builder, const Node& node);

// Every kernel for `rows` rows of `inputs` each and the weights of a linear layer.
std::vector<Candidate> linear_kernels(const Builder& b, const Node& node, int64_t inputs, int64_t rows,
                                      const Epilogue& epilogue);
// Those over blocks.
std::vector<Candidate> block_kernels(const Builder& b, std::shared_ptr<const NodeBlocks> blocks, int64_t rows,
                                     const Epilogue& epilogue);

// Tells what `kernel` is; `images` is how often it runs, on so many threads.
void describe(Builder& builder, const Node& node, const Operator& kernel, int64_t images, int threads);

// Bytes of all the node's constants.
int64_t weight_bytes(const Model& model, const Node& node);

// Steps that run `kernel` over `images` images: whole images per thread where there are enough, else all threads on
// each.
struct Images {
  std::shared_ptr<const Operator> kernel;
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

struct StageImage {
  Images of;
  void operator()(Slots s, int part, int parts) const { of.kernel->stage(s[of.x], of.scratch_of(s, 0), part, parts); }
};

struct ComputeImage {
  Images of;
  void operator()(Slots s, int part, int parts) const {
    of.kernel->compute(s[of.x], of.scratch_of(s, of.kernel->owns_scratch() ? part : 0), s[of.y], part, parts);
  }
};

// Chooses among `candidates`, describes the choice, and adds its steps; `work.kernel` and `work.scratch` are set here.
void add_images(Builder& b, const Node& node, const std::vector<Candidate>& candidates, Images work);

}  // namespace apus
