#include "engine/schema.h"

#include <climits>
#include <iterator>

namespace apus {
namespace {

constexpr const char* kWindow = "kernel strides pads dilations";
constexpr const char* kActivation = "activation clip alpha beta";

constexpr Schema kSchemas[] = {
    {"conv", 1, 1, "kernel strides pads dilations groups channels format", kActivation,
     "values columns strips bias multiplier"},
    {"linear", 1, 1, "channels format", kActivation, "values columns strips bias multiplier"},
    {"matmul", 2, 2, "", "", ""},
    {"binary", 2, 2, "function", kActivation, ""},
    {"unary", 1, 1, "function", "alpha beta clip", ""},
    {"max_pool", 1, 1, kWindow, "ceil_mode count_include_pad", ""},
    {"avg_pool", 1, 1, kWindow, "ceil_mode count_include_pad", ""},
    {"reduce", 1, 1, "function axes keepdims", "", ""},
    {"softmax", 1, 1, "axis", "", ""},
    {"layer_norm", 1, 2, "epsilon", "", "bias multiplier"},
    {"attention", 3, 4, "heads channels offsets factor", "", ""},
    {"reshape", 1, 1, "shape", "", ""},
    {"flatten", 1, 1, "axis", "", ""},
    {"transpose", 1, 1, "perm", "", ""},
    {"concat", 1, INT_MAX, "axis", "", ""},
    {"pad", 1, 1, "pads mode", "value", ""},
    {"slice", 1, 1, "starts ends axes steps", "", ""},
    {"cast", 1, 1, "", "", ""},
    {"quantize", 1, 1, "", "", ""},
    {"dequantize", 1, 1, "", "", ""},
    {"elementwise", 1, 3, "function", "", ""},
    {"gather", 2, 2, "axis", "", ""},
    {"gather_elements", 2, 2, "axis", "", ""},
    {"gather_nd", 2, 2, "batch_dims", "", ""},
    {"scatter_elements", 3, 3, "axis function", "", ""},
    {"scatter_nd", 3, 3, "function", "", ""},
    {"arg", 1, 1, "function axis keepdims last", "", ""},
    {"cumulative", 1, 1, "function axis exclusive reverse", "", ""},
    {"top_k", 1, 1, "axis k largest positions", "", ""},
    {"recurrent", 2, 3, "channels format", "reverse reset_first", "values columns strips bias"},
};

constexpr Op kOps[] = {Op::conv,
                       Op::linear,
                       Op::matmul,
                       Op::binary,
                       Op::unary,
                       Op::max_pool,
                       Op::avg_pool,
                       Op::reduce,
                       Op::softmax,
                       Op::layer_norm,
                       Op::attention,
                       Op::reshape,
                       Op::flatten,
                       Op::transpose,
                       Op::concat,
                       Op::pad,
                       Op::slice,
                       Op::cast,
                       Op::quantize,
                       Op::dequantize,
                       Op::elementwise,
                       Op::gather,
                       Op::gather_elements,
                       Op::gather_nd,
                       Op::scatter_elements,
                       Op::scatter_nd,
                       Op::arg,
                       Op::cumulative,
                       Op::top_k,
                       Op::recurrent};

constexpr const char* kUnaryNames[kUnaryCount] = {
    "identity", "relu", "clip", "leaky_relu", "elu",  "hard_sigmoid", "hard_swish", "sigmoid",
    "tanh",     "silu", "gelu", "gelu_tanh",  "exp",  "log",          "sqrt",       "reciprocal",
    "abs",      "neg",  "erf",  "floor",      "ceil", "round",        "softplus"};
constexpr const char* kBinaryNames[kBinaryCount] = {"add", "sub", "mul", "div", "max", "min", "pow"};
constexpr const char* kReduceNames[kReduceCount] = {"mean", "sum", "max", "min", "prod"};
// In the order of Combine; the last two of Folding are not for `cumulative`.
constexpr const char* kCombineNames[] = {"none", "add", "mul", "max", "min"};
constexpr const char* kFoldingNames[] = {"sum", "prod"};
constexpr const char* kActivations = "relu clip hard_sigmoid hard_swish sigmoid tanh silu gelu gelu_tanh leaky_relu";

template <class Enum, size_t n>
bool parse(const char* const (&names)[n], std::string_view name, Enum& out) {
  for (size_t i = 0; i < n; ++i) {
    if (name != names[i]) continue;
    out = static_cast<Enum>(i);
    return true;
  }
  return false;
}

}  // namespace

const char* const kRoleNames[kRoleCount] = {"values", "columns", "strips", "bias", "multiplier"};

const Schema& schema_of(Op op) { return kSchemas[static_cast<int>(op)]; }

const Op* find_op(std::string_view name) {
  for (size_t i = 0; i < std::size(kSchemas); ++i)
    if (name == kSchemas[i].name) return &kOps[i];
  return nullptr;
}

bool is_word_of(std::string_view words, std::string_view word) {
  if (word.empty() || word.find(' ') != std::string_view::npos) return false;
  for (size_t at = words.find(word); at != std::string_view::npos; at = words.find(word, at + 1)) {
    const size_t end = at + word.size();
    if ((at == 0 || words[at - 1] == ' ') && (end == words.size() || words[end] == ' ')) return true;
  }
  return false;
}

const char* unary_name(Unary function) { return kUnaryNames[static_cast<int>(function)]; }
bool parse_unary(std::string_view name, Unary& out) { return parse(kUnaryNames, name, out); }
bool parse_binary(std::string_view name, Binary& out) { return parse(kBinaryNames, name, out); }
bool parse_reduce(std::string_view name, Reduce& out) { return parse(kReduceNames, name, out); }
bool parse_combine(std::string_view name, Combine& out) { return parse(kCombineNames, name, out); }
bool parse_folding(std::string_view name, Folding& out) { return parse(kFoldingNames, name, out); }

bool parse_activation(std::string_view name, Unary& out) {
  out = Unary::identity;
  return name == "none" || (is_word_of(kActivations, name) && parse_unary(name, out));
}

}  // namespace apus
