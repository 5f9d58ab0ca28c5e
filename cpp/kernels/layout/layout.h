// Moves elements of 1, 2, 4 or 8 bytes between strided arrays: transpose, slice, concat and pad are all such moves.
#pragma once

#include <cstdint>
#include <vector>

namespace apus {

// y[sum i_d * to_d] = x[sum i_d * from_d] over 0 <= i_d < size_d; strides in elements.
struct StridedCopy {
  struct Dimension {
    int64_t size, from, to;
  };
  std::vector<Dimension> dimensions;  // outermost first
  int64_t from_offset = 0, to_offset = 0;
  int element = 4;  // bytes

  // Drops dimensions of size 1, merges neighbours that walk as one, and puts the best one to copy innermost.
  void simplify();
  int64_t items() const;
  // Part `part` of `parts`: disjoint ranges of the outermost dimension.
  void run(const void* x, void* y, int part, int parts) const;
};

// y[i...] = x[sum table_d[i_d]] : padding by reflection or repetition. Tables give element offsets.
struct GatherCopy {
  std::vector<std::vector<int64_t>> tables;
  int element = 4;
  void run(const void* x, void* y) const;
};

// y = `items` copies of the element at `value`.
void fill(void* y, int64_t items, int element, const void* value);

}  // namespace apus
