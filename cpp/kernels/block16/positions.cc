#include "kernels/block16/positions.h"

namespace apus {

std::vector<PositionVector> cover_positions(int64_t height, int64_t width, int64_t pitch, int run) {
  std::vector<PositionVector> vectors;
  const int64_t end = height > 0 && width > 0 ? (height - 1) * pitch + width : 0;
  int64_t stored = 0;
  const auto begins = [&] { return vectors.size() % static_cast<uint64_t>(run) == 0; };
  for (int64_t first = 0; first < end || !begins(); first += kVector) {
    while (begins() && first % pitch >= width) ++first;
    PositionVector vector{first, stored, 0, 0};
    for (int i = 0; i < kVector && first + i < end; ++i) {
      if ((first + i) % pitch < width) vector.keep |= 1u << i, ++vector.count;
    }
    stored += vector.count;
    vectors.push_back(vector);
  }
  return vectors;
}

}  // namespace apus
