// Vocabulary of the unstructured kernels: single weights, row by row (src/apus/artifact/SPEC.md §3).
#pragma once

#include <cstdint>

namespace apus {

// Borrowed pointers into the artifact, already validated. Of a grouped convolution, rows are those of all groups.
struct UnstructuredWeights {
  int64_t outputs = 0;  // M
  int64_t inputs = 0;   // K, of one group
  int64_t groups = 1;
  const uint32_t* rows = nullptr;     // [M + 1] first weight of each row
  const void* columns = nullptr;      // uint16 or uint32 [B], ascending within a row
  bool wide_columns = false;          // uint32
  const void* values = nullptr;       // float32 [B], or int8 [B] with a uint8 x
  const void* bias = nullptr;         // [M] float32, or int32 with a uint8 x; null: zeros
  const float* multiplier = nullptr;  // [M], with a uint8 x

  int64_t count() const { return rows[outputs]; }
  // Whether no more than this share is kept, or hardly more. Planes of many single weights are at times slower than
  // blocks: in networks that outgrow the L2 cache even where a timed layer is not.
  bool few(double share) const {
    return static_cast<double>(count()) <= 1.02 * share * static_cast<double>(outputs) * static_cast<double>(inputs);
  }
  uint32_t column(int64_t i) const {
    return wide_columns ? static_cast<const uint32_t*>(columns)[i] : static_cast<const uint16_t*>(columns)[i];
  }
};

}  // namespace apus
