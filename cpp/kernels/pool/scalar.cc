// The reference, at the baseline of the build.
#include <cstdint>

namespace {

inline float larger(float a, float b) { return a != a ? a : (a > b ? a : b); }
inline uint8_t larger(uint8_t a, uint8_t b) { return a > b ? a : b; }

template <class T>
void pair_max(const T* a, const T* b, T* y, int64_t n) {
  for (int64_t i = 0; i < n; ++i) y[i] = larger(larger(a[2 * i], a[2 * i + 1]), larger(b[2 * i], b[2 * i + 1]));
}

}  // namespace

#include "kernels/pool/body.inc"

namespace apus {

extern const PoolTable pool_scalar;
constinit const PoolTable pool_scalar = make_table(Isa::scalar);

}  // namespace apus
