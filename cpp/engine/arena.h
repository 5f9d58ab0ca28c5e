// Static memory plan: buffers with known lifetimes get offsets in one arena (greedy by size, best fit).
#pragma once

#include <cstddef>
#include <vector>

namespace apus {

struct ArenaBuffer {
  size_t bytes = 0;
  int first = 0, last = 0;  // nodes during which it holds data, both ends included
  size_t offset = 0;        // the answer, a multiple of kAlign
};

// Sets every offset; returns the bytes that the arena needs. Every buffer may be read kOverread bytes past its end.
size_t plan_arena(std::vector<ArenaBuffer>& buffers);

}  // namespace apus
