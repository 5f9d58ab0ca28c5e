// Any function of one, two or three elements over any dtype: y[i] = f(a[i], b[i], c[i]).
//
// The caller walks the outer dimensions; along the inner one operand k advances by steps[k] elements (0: it repeats).
// Integers wrap around; a division by zero gives 0, and a shift by the width or more (or less than 0) shifts everything
// out. `div` truncates, `mod` has the sign of the divisor and `fmod` that of the dividend. `max` and `min` give NaN
// where an operand is NaN. Results of comparisons are bool. y must not overlap an operand, except as the same array.
// Reads and writes exactly n elements. The 32-bit fast paths of common functions are `unary` and `binary`; this table
// is for everything else.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/dtype.h"

namespace apus {

// In the order of table.inc.
enum class Elementwise : uint8_t {
#define APUS_ELEMENTWISE(name, arity, result, types) name,
#include "kernels/elementwise/table.inc"
#undef APUS_ELEMENTWISE
};

enum class Result : uint8_t { same, boolean };

struct ElementwiseRow {
  const char* name;
  int arity;
  Result result;
  uint16_t types;  // of the operands but `where`'s first, which is bool
};

using ElementwiseKernel = void (*)(const void* a, const void* b, const void* c, void* y, int64_t n,
                                   const int64_t* steps);

const ElementwiseRow& elementwise_row(Elementwise function);
bool parse_elementwise(std::string_view name, Elementwise& out);

// `dtype`: of the operands (of `where`, its last two); one of the row's types.
ElementwiseKernel elementwise_kernel(Elementwise function, Dtype dtype);

}  // namespace apus
