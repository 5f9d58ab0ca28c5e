// Operations along the middle of x [outer, count, inner], over any number: folds, running folds, positions and order.
//
//   fold        y[o, i] = sum (prod, max, min) over r of x[o, r, i]; an empty max is the dtype's lowest, min its
//   highest cumulative  y[o, r, i] = fold of x[o, 0..r, i]; `exclusive` leaves x[o, r, i] out, `reverse` runs from the
//   end arg         y[o, i] = int64 position of the largest (smallest) x[o, r, i], the first or the last such top_k
//   y[o, j, i], j < k: the j-th largest (smallest) of x[o, :, i] or its int64 position; ties: first comes first
//
// Integers wrap around; NaN wins max, min and arg, and is largest for top_k. bool adds and multiplies as or and and.
// y must not overlap x. Reads and writes exactly.
#pragma once

#include <cstdint>

#include "base/dtype.h"

namespace apus {

struct Span3 {
  int64_t outer, count, inner;
};

enum class Folding : uint8_t { sum, prod, max, min };

using FoldKernel = void (*)(const void* x, void* y, Span3 span);
using CumulativeKernel = void (*)(const void* x, void* y, Span3 span, bool exclusive, bool reverse);
using ArgKernel = void (*)(const void* x, int64_t* y, Span3 span, bool last);
// `order`: scratch of `count` positions.
using TopKernel = void (*)(const void* x, void* y, Span3 span, int64_t k, bool positions, int64_t* order);

inline constexpr uint16_t kFoldTypes = kNumbers | kBool;

FoldKernel fold_kernel(Folding fold, Dtype dtype);
CumulativeKernel cumulative_kernel(Folding fold, Dtype dtype);  // sum or prod
ArgKernel arg_kernel(bool largest, Dtype dtype);
TopKernel top_kernel(bool largest, Dtype dtype);

}  // namespace apus
