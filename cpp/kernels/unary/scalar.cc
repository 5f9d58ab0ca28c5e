// The reference, at the baseline of the build.
#include "kernels/unary/body.inc"

namespace apus {
namespace {

void map_bytes(const uint8_t* x, uint8_t* y, int64_t n, const uint8_t* table) {
  for (int64_t i = 0; i < n; ++i) y[i] = table[x[i]];
}

}  // namespace

extern const UnaryTable unary_scalar;
constinit const UnaryTable unary_scalar = make_unary_table(Isa::scalar, map_bytes);

}  // namespace apus
