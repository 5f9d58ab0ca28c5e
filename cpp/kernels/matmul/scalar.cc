// The reference: one output at a time, in the order of the contract.
#include "kernels/matmul/matmul.h"

namespace apus {

void matmul_f32_scalar(const MatmulArguments& p) {
  for (int64_t m = 0; m < p.m; ++m) {
    for (int64_t n = 0; n < p.n; ++n) {
      float sum = 0.0f;
      for (int64_t k = 0; k < p.k; ++k) sum += p.a[m * p.a_pitch + k] * p.b[k * p.b_pitch + n];
      p.y[m * p.y_pitch + n] = sum;
    }
  }
}

}  // namespace apus
