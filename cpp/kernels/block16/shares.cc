#include "kernels/block16/shares.h"

#include <algorithm>
#include <numeric>

namespace apus {
namespace {

constexpr double kEven = 0.01;         // imbalance that is not worth another order
constexpr double kEvenVectors = 0.03;  // that is not worth cutting a vector

}  // namespace

Shares::Shares(const std::vector<int64_t>& running, int64_t vectors, int parts) {
  if (by_vectors(vectors, parts)) {
    cut_vectors(running, vectors, parts);
  } else {
    cut(running, vectors, parts);
  }
  measure(running);
  if (imbalance_ <= kEven || by_vectors(vectors, parts)) return;
  Shares as_they_lie = *this;
  deal(running, vectors, parts);
  measure(running);
  if (imbalance_ >= as_they_lie.imbalance_) *this = std::move(as_they_lie);
}

std::span<const Shares::Piece> Shares::of(int part) const {
  const auto first = pieces_.begin() + starts_[static_cast<size_t>(part)];
  return {first, pieces_.begin() + starts_[static_cast<size_t>(part) + 1]};
}

// Whole vectors where they share out evenly enough; else the one between two parts is cut between two strips.
void Shares::cut_vectors(const std::vector<int64_t>& running, int64_t vectors, int parts) {
  const int64_t strips = static_cast<int64_t>(running.size()) - 1, vector = running.back();
  struct Cell {
    int64_t vector, strip;
  };
  const bool whole = (vectors + parts - 1) / parts * parts <= vectors * (1 + kEvenVectors);
  const auto begin = [&](int part) -> Cell {
    if (whole || part == parts) return {vectors * part / parts, 0};
    const int64_t target = vector * vectors / parts * part, rest = target % vector;
    const int64_t strip = std::lower_bound(running.begin(), running.end(), rest) - running.begin();
    return strip < strips ? Cell{target / vector, strip} : Cell{target / vector + 1, 0};
  };
  const auto add = [&](int64_t strip, int64_t end, int64_t first, int64_t last) {
    if (strip < end && first < last) pieces_.push_back({strip, end, first, last});
  };
  starts_.assign(1, 0);
  for (int part = 0; part < parts; ++part) {
    const Cell from = begin(part), to = begin(part + 1);
    const int64_t first = from.vector + (from.strip > 0);
    if (from.strip > 0) add(from.strip, strips, from.vector, first);
    add(0, strips, first, to.vector);
    add(0, to.strip, to.vector, to.vector + 1);
    starts_.push_back(static_cast<int64_t>(pieces_.size()));
  }
}

// Cells of (strip, vector), strip by strip.
void Shares::cut(const std::vector<int64_t>& running, int64_t vectors, int parts) {
  const int64_t strips = static_cast<int64_t>(running.size()) - 1;
  struct Cell {
    int64_t strip, vector;
  };
  const auto begin = [&](int part) -> Cell {
    if (part == parts || vectors == 0) return {strips, 0};
    const int64_t target = running.back() * vectors / parts * part;
    const int64_t strip = std::upper_bound(running.begin(), running.end(), target / vectors) - running.begin() - 1;
    if (strip >= strips) return {strips, 0};
    const int64_t cost = running[strip + 1] - running[strip];
    const int64_t vector = (target - running[strip] * vectors + (vectors == 1 ? cost / 2 : 0)) / cost;
    return vector < vectors ? Cell{strip, vector} : Cell{strip + 1, 0};
  };
  const auto add = [&](int64_t strip, int64_t end, int64_t first, int64_t last) {
    if (strip < end && first < last) pieces_.push_back({strip, end, first, last});
  };
  pieces_.clear();
  starts_.assign(1, 0);
  for (int part = 0; part < parts; ++part) {
    const Cell from = begin(part), to = begin(part + 1);
    if (from.strip == to.strip) {
      add(from.strip, from.strip + 1, from.vector, to.vector);
    } else {
      const int64_t whole = from.vector > 0 ? from.strip + 1 : from.strip;
      if (from.vector > 0) add(from.strip, whole, from.vector, vectors);
      add(whole, to.strip, 0, vectors);
      if (to.strip < strips) add(to.strip, to.strip + 1, 0, to.vector);
    }
    starts_.push_back(static_cast<int64_t>(pieces_.size()));
  }
}

void Shares::deal(const std::vector<int64_t>& running, int64_t vectors, int parts) {
  const auto cost = [&](int64_t strip) { return running[strip + 1] - running[strip]; };
  std::vector<int64_t> order(running.size() - 1), load(static_cast<size_t>(parts));
  std::iota(order.begin(), order.end(), 0);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) { return cost(a) > cost(b); });
  std::vector<std::vector<int64_t>> hands(static_cast<size_t>(parts));
  for (const int64_t strip : order) {
    const auto least = std::min_element(load.begin(), load.end());
    *least += cost(strip);
    hands[static_cast<size_t>(least - load.begin())].push_back(strip);
  }
  pieces_.clear();
  starts_.assign(1, 0);
  for (std::vector<int64_t>& hand : hands) {
    std::sort(hand.begin(), hand.end());
    for (const int64_t strip : hand) {
      const bool follows = static_cast<int64_t>(pieces_.size()) > starts_.back() && pieces_.back().end == strip;
      follows ? ++pieces_.back().end : (pieces_.push_back({strip, strip + 1, 0, vectors}), int64_t{0});
    }
    starts_.push_back(static_cast<int64_t>(pieces_.size()));
  }
}

void Shares::unpack(int64_t by, int64_t most) {
  for (Piece& piece : pieces_) {
    piece.strip *= by;
    piece.end = std::min(piece.end * by, most);
  }
}

void Shares::measure(const std::vector<int64_t>& running) {
  double most = 0, all = 0;
  for (int part = 0; part < parts(); ++part) {
    double mine = 0;
    for (const Piece& p : of(part))
      mine += static_cast<double>(running[p.end] - running[p.strip]) * static_cast<double>(p.last - p.first);
    most = std::max(most, mine);
    all += mine;
  }
  imbalance_ = all > 0 ? most * parts() / all - 1 : 0;
}

}  // namespace apus
