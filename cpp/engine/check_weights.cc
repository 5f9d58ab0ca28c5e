// Weights of conv and linear (SPEC.md §3, §6 rule 8): every index in range, every sum within 32 bits, every scale
// finite.
#include <algorithm>
#include <cmath>

#include "base/checked.h"
#include "engine/reader.h"
#include "engine/schema.h"
#include "kernels/block16/sums.h"
#include "kernels/unpack/unpack.h"

namespace apus {
namespace {

constexpr int64_t kStrip = 16;

class WeightChecker {
 public:
  WeightChecker(const Model& model, const Node& node) : model_(model), node_(node), a_(node.attributes) {
    int8_ = model.values[node.inputs[0].index].quantised;
  }

  void run() {
    sizes();
    group_size_ = int8_ ? 4 : 1;
    if (a_.format == Format::depthwise) {
      depthwise();
    } else if (a_.format == Format::unstructured) {
      unstructured();
    } else {
      block16();
    }
    bias_and_multiplier();
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::artifact, node_.title() + ": " + what);
  }

  void sizes() {
    const Value& x = model_.values[node_.inputs[0].index];
    const bool conv = node_.op == Op::conv;
    const int64_t channels = conv ? x.shape[1].size : x.shape.back().size;
    if (channels < 1) fail("its input needs a known number of channels (last dimension, for linear)");
    if (channels % a_.groups != 0 || a_.channels % a_.groups != 0) fail("'groups' does not divide its channels");
    if (a_.format == Format::depthwise && a_.groups != channels)
      fail("format depthwise needs 'groups' equal to the input's channels");
    taps_ = 1;
    for (int64_t k : a_.kernel) taps_ = checked_mul(taps_, k);
    inputs_ = checked_mul(channels / a_.groups, taps_);
  }

  const Tensor& tensor(Role role, Dtype dtype, const Ints& shape) const {
    const Tensor* t = model_.role(node_, role);
    if (t == nullptr) fail(std::string("lacks the tensor role '") + kRoleNames[role] + "'");
    if (t->dtype != dtype)
      fail("tensor '" + t->name + "' must be " + dtype_name(dtype) + ", is " + dtype_name(t->dtype));
    if (t->shape != shape) fail("tensor '" + t->name + "' has the wrong shape");
    return *t;
  }

  // Of float32, or of bfloat16, the upper half of one.
  void check_finite(const Tensor& t) const {
    if (t.dtype == Dtype::uint16) {
      const auto items = t.items<uint16_t>();
      if (std::any_of(items.begin(), items.end(), [](uint16_t v) { return (v & 0x7F80) == 0x7F80; }))
        fail("tensor '" + t.name + "' has a value that is not finite");
      return;
    }
    const auto items = t.items<float>();
    if (!std::all_of(items.begin(), items.end(), [](float v) { return std::isfinite(v); }))
      fail("tensor '" + t.name + "' has a value that is not finite");
  }

  void bias_and_multiplier() const {
    const bool has_multiplier = model_.role(node_, kMultiplier) != nullptr;
    if (has_multiplier && !int8_) fail("has a multiplier, which float32 weights do not take");
    if (int8_) {
      const Tensor& t = tensor(kMultiplier, Dtype::float32, {a_.channels});
      check_finite(t);
      const auto items = t.items<float>();
      if (std::any_of(items.begin(), items.end(), [](float v) { return v < 0; }))
        fail("tensor '" + t.name + "' has a negative multiplier");
    }
    if (model_.role(node_, kBias) == nullptr) return;
    const Tensor& bias = tensor(kBias, int8_ ? Dtype::int32 : Dtype::float32, {a_.channels});
    if (!int8_) check_finite(bias);
  }

  // |bias| of row m, 0 without a bias. Its dtype is checked later, so look only at one that is right.
  int64_t bias_of(int64_t row) const {
    const Tensor* bias = model_.role(node_, kBias);
    if (bias == nullptr || bias->dtype != Dtype::int32 || static_cast<int64_t>(bias->items<int32_t>().size()) <= row)
      return 0;
    return std::abs(static_cast<int64_t>(bias->items<int32_t>()[static_cast<size_t>(row)]));
  }

  void check_overflow(int64_t row, int64_t sum) const {
    if (255 * sum + bias_of(row) >= (int64_t{1} << 31))
      fail("output " + std::to_string(row) + " could overflow 32 bits");
  }

  void depthwise() const {
    if (model_.role(node_, kColumns) != nullptr || model_.role(node_, kStrips) != nullptr)
      fail("format depthwise has no columns or strips");
    const Tensor& values = tensor(kValues, int8_ ? Dtype::int8 : Dtype::float32, {a_.channels, taps_});
    if (!int8_) return check_finite(values);
    const int8_t* w = values.items<int8_t>().data();
    for (int64_t row = 0; row < a_.channels; ++row, w += taps_) {
      int64_t sum = 0;
      for (int64_t i = 0; i < taps_; ++i) sum += std::abs(w[i]);
      check_overflow(row, sum);
    }
  }

  void unstructured() const {
    const Tensor* values = model_.role(node_, kValues);
    if (values == nullptr || values->shape.empty()) fail("lacks the values of its weights");
    const int64_t count = values->shape[0];
    tensor(kValues, int8_ ? Dtype::int8 : Dtype::float32, {count});
    if (!int8_) check_finite(*values);
    const auto starts = tensor(kStrips, Dtype::uint32, {a_.channels + 1}).items<uint32_t>();
    if (starts.front() != 0 || starts.back() != count) fail("rows do not start at 0 and end at the number of weights");
    if (!std::is_sorted(starts.begin(), starts.end())) fail("rows fall");
    const Tensor* columns = model_.role(node_, kColumns);
    const bool wide = columns != nullptr && columns->dtype == Dtype::uint32;
    tensor(kColumns, wide ? Dtype::uint32 : Dtype::uint16, {count});
    for (int64_t row = 0; row < a_.channels; ++row) {
      const int64_t first = starts[static_cast<size_t>(row)], last = starts[static_cast<size_t>(row) + 1];
      wide ? check_row<uint32_t>(*columns, first, last) : check_row<uint16_t>(*columns, first, last);
      if (int8_) check_overflow(row, magnitudes(values->items<int8_t>().subspan(first, last - first)));
    }
  }

  template <class Column>
  void check_row(const Tensor& columns, int64_t first, int64_t last) const {
    const Column* c = columns.items<Column>().data();
    for (int64_t i = first; i < last; ++i) {
      if (c[i] >= inputs_)
        fail("tensor '" + columns.name + "' names column " + std::to_string(c[i]) + " of " + std::to_string(inputs_));
      if (i > first && c[i] <= c[i - 1]) fail("tensor '" + columns.name + "' does not ascend within a row");
    }
  }

  static int64_t magnitudes(std::span<const int8_t> weights) {
    int64_t sum = 0;
    for (const int8_t w : weights) sum += std::abs(w);
    return sum;
  }

  void block16() {
    const Tensor* values = model_.role(node_, kValues);
    if (values == nullptr || values->shape.empty()) fail("lacks the values of its blocks");
    blocks_ = values->shape[0];
    const bool packed = int8_ && values->dtype == Dtype::uint8;
    bf16_ = !int8_ && values->dtype == Dtype::uint16;
    if (bf16_) group_size_ = 2;
    if (packed) bits_ = values->shape.size() == 2 && values->shape[1] == 16 ? 2 : 4;
    if (packed)
      tensor(kValues, Dtype::uint8, {blocks_, 8 * bits_});
    else
      tensor(kValues, int8_ ? Dtype::int8 : bf16_ ? Dtype::uint16 : Dtype::float32, {blocks_, kStrip, group_size_});
    if (!int8_) check_finite(*values);
    runs_ = a_.format == Format::block16x4;
    if (runs_ && (!int8_ || inputs_ % 4 != 0)) fail("format block16x4 needs int8 weights and a multiple of 4 columns");
    rows_ = a_.channels / a_.groups;
    strips_per_group_ = (rows_ + kStrip - 1) / kStrip;
    const int64_t strips = checked_mul(a_.groups, strips_per_group_);
    const auto starts = tensor(kStrips, Dtype::uint32, {strips + 1}).items<uint32_t>();
    if (starts.front() != 0 || starts.back() != blocks_)
      fail("strips do not start at 0 and end at the number of groups");
    if (!std::is_sorted(starts.begin(), starts.end())) fail("strips fall");
    const Tensor* columns = model_.role(node_, kColumns);
    const bool wide = columns != nullptr && columns->dtype == Dtype::uint32;
    tensor(kColumns, wide ? Dtype::uint32 : Dtype::uint16, runs_ ? Ints{blocks_} : Ints{blocks_, group_size_});
    for (int64_t s = 0; s < strips; ++s) {
      const int64_t first = starts[static_cast<size_t>(s)], last = starts[static_cast<size_t>(s) + 1];
      wide ? check_columns<uint32_t>(*columns, *values, first, last)
           : check_columns<uint16_t>(*columns, *values, first, last);
      check_rows(*values, s, first, last);
    }
  }

  // The weights [16, group_size_] of a group.
  void group_of(const Tensor& values, int64_t group, float* weights) const {
    std::copy_n(values.items<float>().data() + group * kStrip, kStrip, weights);
  }
  // Bits but for the sign, which a zero has too.
  void group_of(const Tensor& values, int64_t group, uint16_t* weights) const {
    const uint16_t* from = values.items<uint16_t>().data() + group * kStrip * 2;
    std::transform(from, from + kStrip * 2, weights, [](uint16_t v) { return static_cast<uint16_t>(v & 0x7FFF); });
  }
  void group_of(const Tensor& values, int64_t group, int8_t* weights) const {
    const UnpackTable& table = unpack_table(Isa::scalar);
    const uint8_t* packed = values.data + group * 8 * bits_;
    if (bits_ == 8) return void(std::copy_n(values.items<int8_t>().data() + group * 64, 64, weights));
    (bits_ == 4 ? table.four : table.two)(packed, 1, weights);
  }

  template <class Weight>
  bool zero_block(const Tensor& values, int64_t group, int64_t g) const {
    Weight weights[64];
    group_of(values, group, weights);
    for (int64_t r = 0; r < kStrip; ++r)
      if (weights[r * group_size_ + g] != 0) return false;
    return true;
  }

  template <class Column>
  void check_columns(const Tensor& columns, const Tensor& values, int64_t first, int64_t last) const {
    const Column* c = columns.items<Column>().data();
    const int64_t width = runs_ ? 1 : group_size_;
    int64_t before = -1;
    for (int64_t i = first * width; i < last * width; ++i) {
      const int64_t column = c[i];
      if (column >= inputs_)
        fail("tensor '" + columns.name + "' names column " + std::to_string(column) + " of " + std::to_string(inputs_));
      if (column < before) fail("tensor '" + columns.name + "' falls within a strip");
      if (runs_ && column % 4 != 0) fail("tensor '" + columns.name + "' has a run that starts at no multiple of 4");
      if (column == before && (runs_ || !is_zero(values, i)))
        fail("tensor '" + columns.name + "' repeats a column that is not padding");
      before = column;
    }
  }
  bool is_zero(const Tensor& values, int64_t block) const {
    const int64_t group = block / group_size_, g = block % group_size_;
    if (bf16_) return zero_block<uint16_t>(values, group, g);
    return int8_ ? zero_block<int8_t>(values, group, g) : zero_block<float>(values, group, g);
  }

  // Rows beyond the last output are zero; the sums of the others fit 32 bits.
  void check_rows(const Tensor& values, int64_t strip, int64_t first, int64_t last) const {
    const int64_t row0 = strip % strips_per_group_ * kStrip, real = std::min(kStrip, rows_ - row0);
    int64_t sums[kStrip] = {};
    if (int8_)
      add_magnitudes(values.data, static_cast<int>(bits_), first, last, sums);
    else if (real < kStrip)
      count_weights(values, first, last, sums);
    if (std::any_of(sums + real, sums + kStrip, [](int64_t sum) { return sum != 0; }))
      fail("tensor '" + values.name + "' has weights in rows beyond the last output");
    for (int64_t r = 0; int8_ && r < real; ++r) check_overflow(strip / strips_per_group_ * rows_ + row0 + r, sums[r]);
  }

  void count_weights(const Tensor& values, int64_t first, int64_t last, int64_t* counts) const {
    for (int64_t i = first * kStrip * group_size_; i < last * kStrip * group_size_; ++i)
      counts[i / group_size_ % kStrip] += bf16_ ? (values.items<uint16_t>()[static_cast<size_t>(i)] & 0x7FFF) != 0
                                                : values.items<float>()[static_cast<size_t>(i)] != 0;
  }

  const Model& model_;
  const Node& node_;
  const Attributes& a_;
  bool int8_ = false, bf16_ = false, runs_ = false;
  int64_t bits_ = 8;
  int64_t inputs_ = 0, taps_ = 1, group_size_ = 1, blocks_ = 0, rows_ = 0, strips_per_group_ = 1;
};

// Scale (multiplier) and bias of a layer_norm.
void check_norm(const Model& model, const Node& node) {
  const int64_t count = model.values[node.inputs[0].index].shape.back().size;
  const auto fail = [&](const std::string& what) { throw Error(ErrorKind::artifact, node.title() + ": " + what); };
  if (count < 1) fail("its input needs a known last dimension");
  if (model.role(node, kMultiplier) == nullptr) fail("lacks the tensor role 'multiplier'");
  for (Role role : {kMultiplier, kBias}) {
    const Tensor* t = model.role(node, role);
    if (t == nullptr) continue;
    if (t->dtype != Dtype::float32 || t->shape != Ints{count})
      fail("tensor '" + t->name + "' must be float32 [" + std::to_string(count) + "]");
    for (float v : t->items<float>())
      if (!std::isfinite(v)) fail("tensor '" + t->name + "' has a value that is not finite");
  }
}

}  // namespace

void check_weights(const Model& model, const Node& node) {
  if (node.op == Op::layer_norm) return check_norm(model, node);
  if (node.op == Op::conv || node.op == Op::linear || node.op == Op::recurrent) WeightChecker(model, node).run();
}

}  // namespace apus
