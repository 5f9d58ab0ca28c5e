// Dtypes, ranks and axes of one node (SPEC.md §6, rules 6 and 7).
#include <algorithm>
#include <set>

#include "engine/reader.h"

namespace apus {

Dtype operand_dtype(const Model& model, Operand operand) {
  return operand.tensor ? model.tensors[operand.index].dtype : model.values[operand.index].dtype;
}

size_t operand_rank(const Model& model, Operand operand) {
  return operand.tensor ? model.tensors[operand.index].shape.size() : model.values[operand.index].shape.size();
}

namespace {

class Checker {
 public:
  Checker(const Model& model, const Node& node) : model_(model), node_(node), y_(model.values[node.output]) {}

  void dtypes() const {
    check_tensor_operands();
    switch (node_.op) {
      case Op::conv:
      case Op::linear:
        return weighted();
      case Op::matmul:
        return require(all_same(kMatmul), "takes float32, float64, int32, int64, uint32 or uint64, one for all");
      case Op::layer_norm:
      case Op::attention:
      case Op::recurrent:
        return require(all_float(), "takes float32 alone");
      case Op::binary:
      case Op::unary:
      case Op::avg_pool:
      case Op::softmax:
        require(all_float() || all_quantised(), "takes float32 alone, or quantised uint8 alone");
        return node_.op == Op::binary ? activation_of_quantised() : void();
      case Op::reduce:
        return reduce();
      case Op::max_pool:
        return require(all_float() || (all_quantised() && same_as_input()),
                       "takes float32, or quantised uint8 with equal parameters");
      case Op::reshape:
      case Op::flatten:
      case Op::transpose:
      case Op::slice:
      case Op::pad:
        return require(same_as_input(), "must keep its input's dtype and parameters");
      case Op::concat:
        return concat();
      case Op::cast:
        return cast();
      case Op::quantize:
        return require(is_float(x()) && y_.quantised, "takes float32 to quantised uint8");
      case Op::dequantize:
        return require(x().quantised && is_float(y_), "takes quantised uint8 to float32");
      case Op::elementwise:
        return elementwise();
      case Op::gather:
      case Op::gather_elements:
      case Op::gather_nd:
        return indexed();
      case Op::scatter_elements:
      case Op::scatter_nd:
        return scattered();
      case Op::arg:
        return require(plain() && has(kFoldTypes, 0) && y_.dtype == Dtype::int64, "takes a number or bool to int64");
      case Op::cumulative:
        return require(plain() && has(kNumbers, 0) && y_.dtype == dtype(0), "takes a number to the same dtype");
      case Op::top_k:
        return require(
            plain() && has(kNumbers, 0) && y_.dtype == (node_.attributes.positions ? Dtype::int64 : dtype(0)),
            "takes a number to the same dtype, or to int64 positions");
    }
  }

  void ranks() const {
    const Attributes& a = node_.attributes;
    const int64_t rank = static_cast<int64_t>(operand_rank(model_, node_.inputs[0]));
    switch (node_.op) {
      case Op::conv:
      case Op::max_pool:
      case Op::avg_pool:
        return require(rank == static_cast<int64_t>(a.kernel.size()) + 2, "its input's rank disagrees with 'kernel'");
      case Op::linear:
        return require(rank >= 1, "its input has rank 0");
      case Op::matmul:
        return require(rank >= 1 && operand_rank(model_, node_.inputs[1]) >= 1, "an input has rank 0");
      case Op::layer_norm:
        require(rank >= 1, "its input has rank 0");
        return require(
            node_.inputs.size() < 2 || operand_rank(model_, node_.inputs[1]) == operand_rank(model_, node_.inputs[0]),
            "its inputs differ in rank");
      case Op::attention:
        return attention();
      case Op::recurrent:
        return recurrent();
      case Op::reduce:
      case Op::slice:
        return axes(rank);
      case Op::gather_nd:
        return require(a.batch_dims < rank, "'batch_dims' is out of range");
      case Op::gather_elements:
      case Op::scatter_elements:
        require(rank == static_cast<int64_t>(operand_rank(model_, node_.inputs[1])), "indices have another rank");
        [[fallthrough]];
      case Op::gather:
      case Op::arg:
      case Op::cumulative:
      case Op::top_k:
      case Op::softmax:
      case Op::concat:
        return require(a.axis >= -rank && a.axis < rank, "'axis' is out of range");
      case Op::flatten:
        return require(a.axis >= -rank && a.axis <= rank, "'axis' is out of range");
      case Op::reshape:
        for (size_t i = 0; i < a.shape.size(); ++i)
          require(a.shape[i] != 0 || static_cast<int64_t>(i) < rank, "'shape' copies a dimension that the input lacks");
        return;
      case Op::transpose:
        return permutation(rank);
      case Op::pad:
        return require(static_cast<int64_t>(a.pads.size()) == 2 * rank, "'pads' must have two entries per dimension");
      default:
        return;
    }
  }

 private:
  void require(bool condition, const char* what) const {
    if (!condition) throw Error(ErrorKind::artifact, node_.title() + ": " + what);
  }

  const Value& x() const { return model_.values[node_.inputs[0].index]; }
  static bool is_float(const Value& v) { return v.dtype == Dtype::float32; }

  template <class Test>
  bool all_inputs(Test test) const {
    return std::all_of(node_.inputs.begin(), node_.inputs.end(),
                       [&](Operand o) { return o.tensor || test(model_.values[o.index]); });
  }
  bool all_float() const { return is_float(y_) && all_inputs(is_float); }
  bool all_quantised() const {
    return y_.quantised && all_inputs([](const Value& v) { return v.quantised; });
  }
  bool same_as_input() const {
    return x().dtype == y_.dtype && x().quantised == y_.quantised && x().scale == y_.scale &&
           x().zero_point == y_.zero_point;
  }

  static bool takes_tensors(Op op) {
    return op == Op::matmul || op == Op::binary || op == Op::elementwise || op == Op::gather ||
           op == Op::gather_elements || op == Op::gather_nd || op == Op::scatter_elements || op == Op::scatter_nd;
  }

  void check_tensor_operands() const {
    size_t tensors = 0;
    for (Operand operand : node_.inputs) {
      if (!operand.tensor) continue;
      ++tensors;
      require(takes_tensors(node_.op), "may not take a tensor as input");
      require(node_.op != Op::binary || model_.tensors[operand.index].dtype == Dtype::float32,
              "takes a tensor operand in float32 alone");
    }
    require(tensors < node_.inputs.size() || node_.op == Op::elementwise, "has no value among its inputs");
  }

  static constexpr uint16_t kMatmul =
      kFloats | dtype_bit(Dtype::int32) | dtype_bit(Dtype::int64) | dtype_bit(Dtype::uint32) | dtype_bit(Dtype::uint64);

  Dtype dtype(size_t input) const { return operand_dtype(model_, node_.inputs[input]); }
  bool has(uint16_t types, size_t input) const { return (types & dtype_bit(dtype(input))) != 0; }
  // No operand and no result is quantised.
  bool plain() const {
    return !y_.quantised && all_inputs([](const Value& v) { return !v.quantised; });
  }
  bool all_same(uint16_t types) const {
    bool same = plain() && has(types, 0);
    for (size_t i = 0; i < node_.inputs.size(); ++i) same = same && dtype(i) == y_.dtype;
    return same;
  }

  void reduce() const {
    const Reduce f = node_.attributes.reduce;
    const bool fast = f != Reduce::prod && (all_float() || all_quantised());
    require(fast || (f != Reduce::mean && all_same(kFoldTypes)),
            "takes float32, or quantised uint8 alone; but for the mean, any one number or bool");
  }

  void elementwise() const {
    const ElementwiseRow& row = elementwise_row(node_.attributes.elementwise);
    const size_t first = node_.attributes.elementwise == Elementwise::where ? 1 : 0;
    require(static_cast<int>(node_.inputs.size()) == row.arity, "has the wrong number of inputs for its function");
    require(plain(), "takes no quantised value");
    require(first == 0 || dtype(0) == Dtype::boolean, "takes a bool condition");
    for (size_t i = first; i < node_.inputs.size(); ++i)
      require(has(row.types, i) && dtype(i) == dtype(first), "takes operands of one dtype that its function knows");
    require(y_.dtype == (row.result == Result::boolean ? Dtype::boolean : dtype(first)), "gives another dtype");
  }

  void indexed() const {
    require(has(dtype_bit(Dtype::int64) | dtype_bit(Dtype::int32), 1), "takes indices in int64 or int32");
    require(plain() && y_.dtype == dtype(0), "must keep its input's dtype, which may not be quantised");
  }

  void scattered() const {
    indexed();
    const bool moves = node_.attributes.combine == Combine::none;
    require(dtype(2) == dtype(0) && has(moves ? kAny : kNumbers, 0), "takes updates of its input's dtype, a number");
  }

  void activation_of_quantised() const {
    const Unary f = node_.attributes.unary;
    require(!y_.quantised || f == Unary::identity || f == Unary::relu || f == Unary::clip,
            "with a quantised result takes the activations none, relu and clip");
  }

  void weighted() const {
    require((is_float(x()) && is_float(y_)) || (x().quantised && (is_float(y_) || y_.quantised)),
            "takes float32 to float32, or quantised uint8 to float32 or quantised uint8");
    activation_of_quantised();
  }

  void concat() const {
    const bool quantised = y_.quantised;
    require(all_inputs([&](const Value& v) { return v.dtype == y_.dtype && v.quantised == quantised; }),
            "takes inputs of one dtype, all quantised or none");
  }

  void cast() const {
    const bool neither = !x().quantised && !y_.quantised;
    const bool signs = (x().quantised && y_.dtype == Dtype::int8) || (y_.quantised && x().dtype == Dtype::int8);
    require(neither || signs, "casts to and from quantised uint8 take int8 alone");
  }

  void axes(int64_t rank) const {
    std::set<int64_t> seen;
    for (int64_t axis : node_.attributes.axes) {
      require(axis >= -rank && axis < rank, "'axes' is out of range");
      require(seen.insert(axis < 0 ? axis + rank : axis).second, "'axes' names an axis twice");
    }
  }

  // h [B, H], gates [T, B, 3 H], or with c [B, H] gates [T, B, 4 H].
  void recurrent() const {
    const auto& h = model_.values[node_.inputs[0].index].shape;
    require(operand_rank(model_, node_.inputs[0]) == 2 && operand_rank(model_, node_.inputs[1]) == 3 &&
                (node_.inputs.size() < 3 || operand_rank(model_, node_.inputs[2]) == 2),
            "its inputs must have the ranks 2, 3 and 2");
    const int64_t units = h[1].size, gates = node_.inputs.size() == 3 ? 4 : 3;
    require(units >= 1, "its state needs a known last dimension");
    require(node_.attributes.channels % gates == 0 && node_.attributes.channels / gates == units,
            "'channels' must be 3 times its state's last dimension, 4 times with a cell");
    require(node_.attributes.format == Format::block16x1, "takes the format block16x1 alone");
    require(gates == 3 || !node_.attributes.reset_first, "'reset_first' is of a state without a cell");
  }

  void attention() const {
    const Attributes& a = node_.attributes;
    require(a.channels % a.heads == 0, "'heads' does not divide 'channels'");
    for (size_t i = 0; i < 3; ++i) {
      const auto& shape = model_.values[node_.inputs[i].index].shape;
      require(shape.size() == 3, "queries, keys and values must have rank 3");
      require(shape[2].size >= a.offsets[i] + a.channels, "its heads reach beyond the last dimension of an input");
    }
    require(node_.inputs.size() < 4 || operand_rank(model_, node_.inputs[3]) == 4, "its mask must have rank 4");
  }

  void permutation(int64_t rank) const {
    Ints sorted = node_.attributes.perm;
    std::sort(sorted.begin(), sorted.end());
    bool whole = static_cast<int64_t>(sorted.size()) == rank;
    for (size_t i = 0; whole && i < sorted.size(); ++i) whole = sorted[i] == static_cast<int64_t>(i);
    require(whole, "'perm' is no permutation of the input's dimensions");
  }

  const Model& model_;
  const Node& node_;
  const Value& y_;
};

}  // namespace

void check_types(const Model& model, const Node& node) {
  const Checker checker(model, node);
  checker.dtypes();
  checker.ranks();
}

}  // namespace apus
