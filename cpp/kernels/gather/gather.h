// Moves elements to or from places that another array names. Elements are 1, 2, 4 or 8 bytes, indices int64 or int32;
// a negative index counts from the end. An index outside its dimension gives zeros (scatter: nothing) and is returned,
// so that the caller can refuse it; kNoFault means that all were right. Arrays must not overlap.
//
//   gather           x [outer, count, inner], indices [n]              y[o, j, i] = x[o, indices[j], i]
//   gather_elements  x, indices of one rank                            y[p] = x[p with p[axis] = indices[p]]
//   gather_nd        x [batch, dims.., inner], indices [batch, n, k]   y[b, j, i] = x[b, indices[b, j, :].., i]
//   scatter_*        the reverse: y starts as a copy of x and takes updates where gather_* would have read
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "base/dtype.h"

namespace apus {

inline constexpr int64_t kNoFault = std::numeric_limits<int64_t>::min();

enum class Combine : uint8_t { none, add, mul, max, min };

struct GatherAxis {
  int64_t outer, count, inner, n;
  int element;
  bool wide;  // indices are int64
  int64_t run(const void* x, const void* indices, void* y) const;
};

// Shared by gather_elements and scatter_elements: `dims` are those of the indices, `strides` those of the array.
struct ElementWalk {
  std::vector<int64_t> dims, strides;
  int64_t axis, count;  // count: the array's size along axis
  int element;
  bool wide;
  int64_t gather(const void* x, const void* indices, void* y) const;
  int64_t scatter(void* y, const void* indices, const void* updates, Combine combine, Dtype dtype) const;
};

// Shared by gather_nd and scatter_nd.
struct TupleWalk {
  std::vector<int64_t> dims;  // the k dimensions that an index tuple names
  int64_t batch, n, inner;
  int element;
  bool wide;
  int64_t gather(const void* x, const void* indices, void* y) const;
  int64_t scatter(void* y, const void* indices, const void* updates, Combine combine, Dtype dtype) const;

 private:
  int64_t place(const void* indices, int64_t tuple, int64_t& fault) const;  // of a slice, or -1
  int64_t slices() const;
};

}  // namespace apus
