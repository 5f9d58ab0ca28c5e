#include "engine/arena.h"

#include <algorithm>
#include <numeric>

#include "base/buffer.h"

namespace apus {
namespace {

bool meet(const ArenaBuffer& a, const ArenaBuffer& b) { return a.first <= b.last && b.first <= a.last; }

// What a buffer takes. Its overread must not reach into another one, which some other thread may be writing.
size_t footprint(const ArenaBuffer& buffer) { return align_up(buffer.bytes + kOverread); }

// The smallest gap that fits among the buffers already placed, sorted by offset; else the end.
size_t best_offset(const ArenaBuffer& buffer, const std::vector<const ArenaBuffer*>& placed) {
  size_t end = 0, best = SIZE_MAX, best_gap = SIZE_MAX;
  const size_t need = footprint(buffer);
  for (const ArenaBuffer* other : placed) {
    if (!meet(buffer, *other)) continue;
    const size_t gap = other->offset > end ? other->offset - end : 0;
    if (gap >= need && gap < best_gap) best = end, best_gap = gap;
    end = std::max(end, other->offset + footprint(*other));
  }
  return best == SIZE_MAX ? end : best;
}

}  // namespace

size_t plan_arena(std::vector<ArenaBuffer>& buffers) {
  std::vector<size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return buffers[a].bytes > buffers[b].bytes; });
  std::vector<const ArenaBuffer*> placed;
  size_t total = 0;
  for (size_t i : order) {
    ArenaBuffer& buffer = buffers[i];
    buffer.offset = best_offset(buffer, placed);
    total = std::max(total, buffer.offset + footprint(buffer));
    const auto at =
        std::upper_bound(placed.begin(), placed.end(), &buffer, [](auto* a, auto* b) { return a->offset < b->offset; });
    placed.insert(at, &buffer);
  }
  return total;
}

}  // namespace apus
