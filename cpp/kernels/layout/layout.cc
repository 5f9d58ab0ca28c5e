#include "kernels/layout/layout.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "kernels/layout/tile.h"

namespace apus {
namespace {

using Dimension = StridedCopy::Dimension;

template <class T>
void copy_line(const T* x, T* y, const Dimension& d) {
  if (d.from == 1 && d.to == 1) {
    std::memcpy(y, x, static_cast<size_t>(d.size) * sizeof(T));
  } else if (d.to == 1) {
    for (int64_t i = 0; i < d.size; ++i) y[i] = x[i * d.from];
  } else {
    for (int64_t i = 0; i < d.size; ++i) y[i * d.to] = x[i * d.from];
  }
}

// Two innermost dimensions where reading walks one way and writing the other: tiles keep both in cache.
template <class T>
void copy_tiles(const T* x, T* y, const Dimension& a, const Dimension& b) {
  constexpr int64_t kTile = 16, kSide = Tile<T>::kSide;
  const bool turns = a.from == 1 && b.to == 1;
  for (int64_t i0 = 0; i0 < a.size; i0 += kTile)
    for (int64_t j0 = 0; j0 < b.size; j0 += kTile) {
      const int64_t rows = std::min(a.size - i0, kTile), columns = std::min(b.size - j0, kTile);
      const T* from = x + i0 * a.from + j0 * b.from;
      T* to = y + i0 * a.to + j0 * b.to;
      if (turns && rows == kTile && columns == kTile) {
        for (int64_t j = 0; j < kTile; j += kSide)
          for (int64_t i = 0; i < kTile; i += kSide)
            Tile<T>::turn(from + i + j * b.from, b.from, to + i * a.to + j, a.to);
        continue;
      }
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j) to[i * a.to + j * b.to] = from[i * a.from + j * b.from];
    }
}

template <class T>
void copy(const T* x, T* y, const Dimension* d, size_t rank) {
  if (rank == 0) {
    *y = *x;
  } else if (rank == 1) {
    copy_line(x, y, *d);
  } else if (rank == 2 && d[1].from != 1 && d[0].from == 1) {
    copy_tiles(x, y, d[0], d[1]);
  } else {
    for (int64_t i = 0; i < d->size; ++i) copy(x + i * d->from, y + i * d->to, d + 1, rank - 1);
  }
}

template <class T>
void copy_part(const StridedCopy& c, const void* from, void* to, int part, int parts) {
  const T* x = static_cast<const T*>(from) + c.from_offset;
  T* y = static_cast<T*>(to) + c.to_offset;
  if (c.dimensions.empty()) {
    if (part == 0) *y = *x;
    return;
  }
  Dimension dimensions[8];
  std::copy(c.dimensions.begin(), c.dimensions.end(), dimensions);
  Dimension& outer = dimensions[0];
  const int64_t first = outer.size * part / parts, last = outer.size * (part + 1) / parts;
  x += first * outer.from;
  y += first * outer.to;
  outer.size = last - first;
  if (outer.size > 0) copy(x, y, dimensions, c.dimensions.size());
}

template <class T>
void gather(const T* x, T*& y, const std::vector<int64_t>* tables, size_t rank) {
  if (rank == 1) {
    for (int64_t offset : *tables) *y++ = x[offset];
    return;
  }
  for (int64_t offset : *tables) gather(x + offset, y, tables + 1, rank - 1);
}

template <class T>
void gather_all(const GatherCopy& g, const void* from, void* to) {
  T* y = static_cast<T*>(to);
  if (g.tables.empty()) {
    *y = *static_cast<const T*>(from);
  } else {
    gather(static_cast<const T*>(from), y, g.tables.data(), g.tables.size());
  }
}

}  // namespace

void StridedCopy::simplify() {
  std::erase_if(dimensions, [](const Dimension& d) { return d.size == 1; });
  std::stable_sort(dimensions.begin(), dimensions.end(),
                   [](const Dimension& a, const Dimension& b) { return std::abs(a.to) > std::abs(b.to); });
  for (size_t i = dimensions.size(); i-- > 1;) {
    Dimension &outer = dimensions[i - 1], &inner = dimensions[i];
    if (outer.from != inner.from * inner.size || outer.to != inner.to * inner.size) continue;
    outer = {outer.size * inner.size, inner.from, inner.to};
    dimensions.erase(dimensions.begin() + static_cast<int64_t>(i));
  }
}

int64_t StridedCopy::items() const {
  int64_t items = 1;
  for (const Dimension& d : dimensions) items *= d.size;
  return items;
}

void StridedCopy::run(const void* x, void* y, int part, int parts) const {
  if (items() == 0) return;
  if (element == 1) copy_part<uint8_t>(*this, x, y, part, parts);
  if (element == 2) copy_part<uint16_t>(*this, x, y, part, parts);
  if (element == 4) copy_part<uint32_t>(*this, x, y, part, parts);
  if (element == 8) copy_part<uint64_t>(*this, x, y, part, parts);
}

void GatherCopy::run(const void* x, void* y) const {
  for (const auto& table : tables)
    if (table.empty()) return;
  if (element == 1) gather_all<uint8_t>(*this, x, y);
  if (element == 2) gather_all<uint16_t>(*this, x, y);
  if (element == 4) gather_all<uint32_t>(*this, x, y);
  if (element == 8) gather_all<uint64_t>(*this, x, y);
}

void fill(void* y, int64_t items, int element, const void* value) {
  if (element == 1) std::memset(y, *static_cast<const uint8_t*>(value), static_cast<size_t>(items));
  if (element == 2) std::fill_n(static_cast<uint16_t*>(y), items, *static_cast<const uint16_t*>(value));
  if (element == 4) std::fill_n(static_cast<uint32_t*>(y), items, *static_cast<const uint32_t*>(value));
  if (element == 8) std::fill_n(static_cast<uint64_t*>(y), items, *static_cast<const uint64_t*>(value));
}

}  // namespace apus
