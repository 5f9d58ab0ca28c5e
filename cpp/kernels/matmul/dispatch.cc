#include "kernels/matmul/matmul.h"

namespace apus {

#define MATMUL_KERNEL(isa, function) void function(const MatmulArguments&);
#include "kernels/matmul/table.inc"
#undef MATMUL_KERNEL

namespace {

struct Row {
  Isa isa;
  MatmulKernel kernel;
};

constexpr Row kRows[] = {
#define MATMUL_KERNEL(isa, function) {Isa::isa, function},
#include "kernels/matmul/table.inc"
#undef MATMUL_KERNEL
};

const Row& best(Isa isa) {
  const Row* row = kRows;
  while (row->isa > isa) ++row;  // the last one is scalar
  return *row;
}

}  // namespace

MatmulKernel matmul_kernel(Isa isa) { return best(isa).kernel; }

Isa matmul_isa(Isa isa) { return best(isa).isa; }

}  // namespace apus
