// Strips x vectors shared among threads by equal cost, made once for a plan's number of threads.
//
// Where every thread can have vectors of its own, it has those, of all strips: what it writes is then what it will read
// in the next layer, and no line of activations moves from one core to another. (Zen 5: a core reads lines that another
// one wrote at 33 bytes a ns, or 70 within a cache complex, and takes them over to write at 8, or 31; its own at 160.)
//
// Else as strips lie, cut between two vectors. Where that leaves one thread with more (a strip of one vector is not
// cut, and patterns may crowd), strips are dealt out anew, the dearest first, each to the thread with the least so far.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace apus {

class Shares {
 public:
  // Vectors first..last of strips strip..end.
  struct Piece {
    int64_t strip, end, first, last;
  };

  // `running` [S + 1]: cost of all strips before, per vector.
  Shares(const std::vector<int64_t>& running, int64_t vectors, int parts);

  // Whether there are so many vectors that each part has its own.
  static bool by_vectors(int64_t vectors, int parts) { return parts > 1 && vectors >= 2 * parts; }

  int parts() const { return static_cast<int>(starts_.size()) - 1; }
  // Of one of parts(), in ascending order.
  std::span<const Piece> of(int part) const;
  // Where a piece of of() stands among all of them.
  int64_t number(const Piece& piece) const { return &piece - pieces_.data(); }
  const std::vector<Piece>& pieces() const { return pieces_; }
  // What was shared were packs of `by` strips, the last one perhaps smaller: from now on strips, `most` of them.
  void unpack(int64_t by, int64_t most);
  // What the busiest part has beyond the mean, as a share of the mean.
  double imbalance() const { return imbalance_; }

 private:
  void cut_vectors(const std::vector<int64_t>& running, int64_t vectors, int parts);
  void cut(const std::vector<int64_t>& running, int64_t vectors, int parts);
  void deal(const std::vector<int64_t>& running, int64_t vectors, int parts);
  void measure(const std::vector<int64_t>& running);

  std::vector<Piece> pieces_;
  std::vector<int64_t> starts_;  // [parts + 1], into pieces_
  double imbalance_ = 0;
};

}  // namespace apus
