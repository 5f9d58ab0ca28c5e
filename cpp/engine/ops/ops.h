// One planning function per operator: reads the node, chooses kernels, adds steps.
#pragma once

#include "engine/builder.h"

namespace apus {

void plan_conv(Builder& builder, const Node& node);
void plan_linear(Builder& builder, const Node& node);
void plan_matmul(Builder& builder, const Node& node);
void plan_binary(Builder& builder, const Node& node);
void plan_unary(Builder& builder, const Node& node);
void plan_max_pool(Builder& builder, const Node& node);
void plan_avg_pool(Builder& builder, const Node& node);
void plan_reduce(Builder& builder, const Node& node);
void plan_softmax(Builder& builder, const Node& node);
void plan_layer_norm(Builder& builder, const Node& node);
void plan_recurrent(Builder& builder, const Node& node);
void plan_attention(Builder& builder, const Node& node);
void plan_reshape(Builder& builder, const Node& node);  // flatten too
void plan_transpose(Builder& builder, const Node& node);
void plan_concat(Builder& builder, const Node& node);
void plan_pad(Builder& builder, const Node& node);
void plan_slice(Builder& builder, const Node& node);
void plan_cast(Builder& builder, const Node& node);
void plan_quantize(Builder& builder, const Node& node);
void plan_dequantize(Builder& builder, const Node& node);
void plan_elementwise(Builder& builder, const Node& node);
void plan_gather(Builder& builder, const Node& node);
void plan_gather_elements(Builder& builder, const Node& node);
void plan_gather_nd(Builder& builder, const Node& node);
void plan_scatter_elements(Builder& builder, const Node& node);
void plan_scatter_nd(Builder& builder, const Node& node);
void plan_arg(Builder& builder, const Node& node);
void plan_cumulative(Builder& builder, const Node& node);
void plan_top_k(Builder& builder, const Node& node);

}  // namespace apus
