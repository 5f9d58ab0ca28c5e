#include "engine/ops/ops.h"

namespace apus {

PlanFunction plan_function(Op op) {
  // In the order of Op.
  constexpr PlanFunction kFunctions[] = {plan_conv,
                                         plan_linear,
                                         plan_matmul,
                                         plan_binary,
                                         plan_unary,
                                         plan_max_pool,
                                         plan_avg_pool,
                                         plan_reduce,
                                         plan_softmax,
                                         plan_layer_norm,
                                         plan_attention,
                                         plan_reshape,
                                         plan_reshape,
                                         plan_transpose,
                                         plan_concat,
                                         plan_pad,
                                         plan_slice,
                                         plan_cast,
                                         plan_quantize,
                                         plan_dequantize,
                                         plan_elementwise,
                                         plan_gather,
                                         plan_gather_elements,
                                         plan_gather_nd,
                                         plan_scatter_elements,
                                         plan_scatter_nd,
                                         plan_arg,
                                         plan_cumulative,
                                         plan_top_k,
                                         plan_recurrent};
  return kFunctions[static_cast<int>(op)];
}

}  // namespace apus
