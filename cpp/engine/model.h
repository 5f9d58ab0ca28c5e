// A network as the artifact declares it: immutable, validated before anybody sees it (src/apus/artifact/SPEC.md).
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/dtype.h"
#include "base/error.h"
#include "kernels/along/along.h"
#include "kernels/binary/binary.h"
#include "kernels/elementwise/elementwise.h"
#include "kernels/gather/gather.h"
#include "kernels/reduce/reduce.h"
#include "kernels/unary/unary.h"

namespace apus {

class FileBytes;

struct Dim {
  int64_t size = -1;   // -1: symbolic
  std::string symbol;  // of a symbolic one
};

struct Value {
  std::string name;
  Dtype dtype = Dtype::float32;
  std::vector<Dim> shape;
  bool quantised = false;
  float scale = 1;
  int zero_point = 0;
};

struct Tensor {
  std::string name;
  Dtype dtype = Dtype::float32;
  std::vector<int64_t> shape;
  int64_t offset = 0, length = 0;  // bytes, in the payload
  uint32_t crc = 0;
  const uint8_t* data = nullptr;
  template <class T>
  std::span<const T> items() const {
    return {reinterpret_cast<const T*>(data), static_cast<size_t>(length) / sizeof(T)};
  }
};

// In the order of the table in schema.cc.
enum class Op : uint8_t {
  conv,
  linear,
  matmul,
  binary,
  unary,
  max_pool,
  avg_pool,
  reduce,
  softmax,
  layer_norm,
  attention,
  reshape,
  flatten,
  transpose,
  concat,
  pad,
  slice,
  cast,
  quantize,
  dequantize,
  elementwise,
  gather,
  gather_elements,
  gather_nd,
  scatter_elements,
  scatter_nd,
  arg,
  cumulative,
  top_k,
  recurrent
};

enum class Format : uint8_t { block16x1, block16x4, unstructured, depthwise };
enum class PadMode : uint8_t { constant, reflect, edge };
enum Role : uint8_t { kValues, kColumns, kStrips, kBias, kMultiplier, kRoleCount };

using Ints = std::vector<int64_t>;

struct Attributes {
  Ints kernel, strides, pads, dilations, axes, shape, perm, starts, ends, steps, offsets;
  int64_t groups = 1, channels = 0, axis = 0, heads = 1;
  int64_t k = 0, batch_dims = 0;
  bool keepdims = false, ceil_mode = false, count_include_pad = false;
  bool last = false, exclusive = false, reverse = false, reset_first = false, largest = false, positions = false;
  Format format = Format::block16x1;
  Unary unary = Unary::identity;  // the function of `unary`, or the `activation` of any other
  Binary binary = Binary::add;
  Reduce reduce = Reduce::mean;
  Elementwise elementwise = Elementwise::copy;
  Combine combine = Combine::none;
  Folding folding = Folding::sum;  // of cumulative
  PadMode mode = PadMode::constant;
  float value = 0, epsilon = 0, factor = 1;
  float alpha = std::numeric_limits<float>::quiet_NaN();  // NaN: the function's default
  float beta = std::numeric_limits<float>::quiet_NaN();
  bool has_clip = false;
  float low = -std::numeric_limits<float>::infinity(), high = std::numeric_limits<float>::infinity();

  UnaryParameters unary_parameters() const;
};

struct Operand {
  bool tensor = false;
  int index = -1;
};

struct Node {
  Op op = Op::cast;
  std::string name;
  std::vector<Operand> inputs;
  int output = -1;
  Attributes attributes;
  int roles[kRoleCount] = {-1, -1, -1, -1, -1};

  // How messages call it: conv '/stem/Conv'.
  std::string title() const;
};

struct Model;

// A part that is a file of its own (SPEC.md §7): ours, or one for ONNX Runtime, of which only the bytes are known.
struct Segment {
  std::shared_ptr<const Model> part;  // null: ONNX Runtime's
  std::vector<int> inputs, outputs;   // values
  std::span<const uint8_t> data;
  int64_t nodes = 0;
  std::string why;
};

struct Model {
  std::shared_ptr<FileBytes> bytes;              // what the tensors point into,
  std::vector<std::shared_ptr<FileBytes>> lent;  // or what another model's do
  std::string name, metadata;
  uint64_t identity = 0;  // of the file's JSON, hence of the checksums of all that it holds
  std::vector<Value> values;
  std::vector<Tensor> tensors;
  std::vector<Node> nodes;
  std::vector<int> inputs, outputs;  // values
  std::vector<Segment> segments;     // in order, instead of nodes

  const Tensor* role(const Node& node, Role role) const {
    return node.roles[role] < 0 ? nullptr : &tensors[node.roles[role]];
  }
};

// Both validate everything; throw Error(artifact), or Error(missing_file). Of a copy of bytes, tensors that one of
// `others` holds already, byte for byte, are not held again.
std::shared_ptr<const Model> read_model_file(const std::string& path);
std::shared_ptr<const Model> read_model_bytes(const void* data, size_t bytes,
                                              std::span<const std::shared_ptr<const Model>> others = {});

}  // namespace apus
