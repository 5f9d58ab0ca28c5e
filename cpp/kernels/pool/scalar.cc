// The reference, at the baseline of the build.
#include "kernels/pool/pairs.inc"

namespace {

template <class T>
void pair_max(const T* a, const T* b, T* y, int64_t n) {
  pair_max_tail(a, b, y, 0, n);
}

}  // namespace

#include "kernels/pool/body.inc"

namespace apus {

extern const PoolTable pool_scalar;
constinit const PoolTable pool_scalar = make_table(Isa::scalar);

}  // namespace apus
