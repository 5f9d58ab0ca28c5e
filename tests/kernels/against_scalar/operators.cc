// Every kernel of this processor against the scalar one, on random weights: integers exactly, sums of floats within
// rounding. Prints what ran, "kernel" by line; stops at the first difference. tests/engine/test_aarch64.py runs it.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <memory>
#include <set>
#include <vector>

#include "base/cpu.h"
#include "kernels/conv_block16/conv_block16.h"
#include "kernels/conv_depthwise/conv_depthwise.h"
#include "kernels/conv_unstructured/conv_unstructured.h"
#include "kernels/linear_block16/linear_block16.h"
#include "kernels/linear_slots/linear_slots.h"
#include "kernels/linear_unstructured/linear_unstructured.h"
#include "random.h"

using namespace apus;

namespace {

std::set<std::string> seen;

std::vector<uint8_t> computed(const Operator& op, const AlignedBuffer& x, int64_t y_bytes, int parts) {
  std::vector<uint8_t> y(static_cast<size_t>(y_bytes + kGuard), 0xA5);
  const int64_t each = (op.scratch_bytes() + 63) / 64 * 64, apart = op.owns_scratch() ? each : 0;
  AlignedBuffer scratch(static_cast<size_t>(each * parts));
  std::memset(scratch.data(), 0xFF, scratch.size());
  for (int i = parts; i-- > 0;) op.stage(x.data(), scratch.data() + i * apart, i, parts);
  for (int i = parts; i-- > 0;) op.compute(x.data(), scratch.data() + i * apart, y.data(), i, parts);
  for (int64_t i = y_bytes; i < y_bytes + kGuard; ++i)
    if (y[static_cast<size_t>(i)] != 0xA5) differ(op.kernel(), "wrote past its output");
  return y;
}

// `make(isa, parts)` makes an operator; `terms`: products of a sum.
template <class Make>
void compare(const AlignedBuffer& x, Element y, int64_t outputs, int64_t terms, bool exact, const Make& make) {
  const auto want = computed(*make(Isa::scalar, 1), x, outputs * element_size(y), 1);
  for (const std::string& name : available_isas()) {
    for (const int parts : {1, 3}) {
      const auto op = make(*available_isa(name), parts);
      const auto got = computed(*op, x, outputs * element_size(y), parts);
      seen.insert(op->kernel());
      for (int64_t i = 0; i < outputs; ++i) {
        const auto where = [&] { return "output " + std::to_string(i) + " of " + std::to_string(outputs); };
        if (y == Element::u8 && got[static_cast<size_t>(i)] != want[static_cast<size_t>(i)])
          differ(op->kernel(), where());
        if (y == Element::u8) continue;
        const float a = reinterpret_cast<const float*>(got.data())[i],
                    b = reinterpret_cast<const float*>(want.data())[i];
        const float most = exact ? 0 : 4e-7f * static_cast<float>(terms + 1);
        if (!(std::fabs(a - b) <= most)) differ(op->kernel(), where());
      }
    }
  }
}

// A random matrix in strips of 16, `kept` of its columns in each at most.
struct Blocks {
  std::vector<uint32_t> strips{0};
  std::vector<uint16_t> columns;
  std::vector<uint8_t> values;
  std::vector<int32_t> bias;
  std::vector<float> multiplier;
  Block16Weights weights;

  Blocks(Element x, bool bf16, bool runs, int bits, int64_t outputs, int64_t inputs, int64_t groups) {
    const int64_t width = x == Element::u8 ? 4 : bf16 ? 2 : 1, own = outputs / groups;
    for (int64_t strip = 0; strip < (own + 15) / 16 * groups; ++strip) {
      const int64_t rows = std::min<int64_t>(16, own - strip % ((own + 15) / 16) * 16);
      const int64_t most = std::max<int64_t>(1, inputs / width), count = strip % 5 == 4 ? 0 : 1 + below(most);
      for (int64_t group = 0; group < count; ++group) add_group(x, bf16, runs, bits, width, rows, inputs);
      strips.push_back(strips.back() + static_cast<uint32_t>(count));
    }
    for (int64_t m = 0; m < outputs; ++m) {
      const float f = real();
      bias.push_back(x == Element::u8 ? static_cast<int32_t>(below(4000) - 2000) : __builtin_bit_cast(int32_t, f));
      multiplier.push_back(1e-3f + 1e-3f * std::fabs(real()));
    }
    weights.outputs = outputs, weights.inputs = inputs, weights.groups = groups;
    weights.strips = strips.data(), weights.columns = columns.data(), weights.values = values.data();
    weights.bias = bias.data(), weights.runs = runs, weights.bits = bits, weights.bf16 = bf16;
    if (x == Element::u8) weights.multiplier = multiplier.data();
  }

  void add_group(Element x, bool bf16, bool runs, int bits, int64_t width, int64_t rows, int64_t inputs) {
    if (runs) columns.push_back(static_cast<uint16_t>(below(inputs / 4) * 4));
    for (int64_t i = 0; i < width && !runs; ++i) columns.push_back(static_cast<uint16_t>(below(inputs)));
    const size_t at = values.size();
    values.resize(at + static_cast<size_t>(x == Element::u8 ? 8 * bits : 64));
    for (int64_t row = 0; row < rows; ++row) {
      for (int64_t i = 0; i < width; ++i) put(values.data() + at, x, bf16, bits, row * width + i);
    }
  }

  static void put(uint8_t* group, Element x, bool bf16, int bits, int64_t place) {
    const float value = real();
    const uint32_t word = __builtin_bit_cast(uint32_t, value);
    const int64_t bytes = 8 * bits;
    if (x == Element::u8) {
      const int part = (random_weight(bits) & ((1 << bits) - 1)) << (bits * (place / bytes));
      group[place % bytes] = static_cast<uint8_t>(group[place % bytes] | part);
    } else if (bf16) {
      std::memcpy(group + 2 * place, reinterpret_cast<const char*>(&word) + 2, 2);
    } else {
      std::memcpy(group + 4 * place, &word, 4);
    }
  }
};

Epilogue random_epilogue(Element x, Element y) {
  if (x == Element::f32) return {x, y, 0, 0, below(2) ? -0.5f : -INFINITY, below(2) ? 3.0f : INFINITY};
  const int low = static_cast<int>(below(60));
  if (y == Element::u8)
    return {x, y, static_cast<int>(below(256)), static_cast<int>(below(256)), static_cast<float>(low), 240};
  return {x, y, static_cast<int>(below(256)), 0, -20, 90};
}

Window random_window(int64_t channels) {
  Window w{channels, 3 + below(20), 3 + below(40), 0, 0};
  for (int axis = 0; axis < 2; ++axis) {
    w.kernel[axis] = 1 + below(3), w.strides[axis] = 1 + below(2), w.dilations[axis] = 1 + below(2);
    w.pads[axis] = below(3), w.pads[axis + 2] = below(3);
    const int64_t size = (axis ? w.width : w.height) + w.pads[axis] + w.pads[axis + 2];
    if ((w.kernel[axis] - 1) * w.dilations[axis] + 1 > size) w.kernel[axis] = w.dilations[axis] = 1;
    (axis ? w.out_width : w.out_height) = (size - (w.kernel[axis] - 1) * w.dilations[axis] - 1) / w.strides[axis] + 1;
  }
  if (below(3) == 0)
    w.kernel[0] = w.kernel[1] = w.strides[0] = w.strides[1] = 1, w.out_height = w.height, w.out_width = w.width,
    w.pads[0] = w.pads[1] = w.pads[2] = w.pads[3] = 0;
  return w;
}

void check_blocks(Element x, Element y, bool bf16, bool runs, int bits) {
  const Epilogue epilogue = random_epilogue(x, y);
  const int64_t outputs = 1 + below(70), inputs = runs ? 4 * (1 + below(20)) : 1 + below(90), rows = 1 + below(40);
  const Blocks linear(x, bf16, runs, bits, outputs, inputs, 1);
  const AlignedBuffer batch = random_input(x, rows * inputs);
  using Road = LinearBlock16::Road;
  for (const Road road : {Road::rows, Road::planes}) {
    compare(batch, y, rows * outputs, inputs, x == Element::u8, [&](Isa isa, int parts) {
      return std::make_unique<LinearBlock16>(linear.weights, rows, epilogue, isa, parts, road);
    });
  }
  const int64_t groups = 1 + below(2), channels = groups * (1 + below(5));
  const Window window = random_window(channels);
  const int64_t taps = channels / groups * window.kernel[0] * window.kernel[1];
  if (runs && taps % 4) return;
  const Blocks conv(x, bf16, runs, bits, groups * (1 + below(40)), taps, groups);
  const AlignedBuffer image = random_input(x, channels * window.height * window.width);
  const int64_t count = conv.weights.outputs * window.out_height * window.out_width;
  compare(image, y, count, taps, x == Element::u8, [&](Isa isa, int parts) {
    return std::make_unique<ConvBlock16>(conv.weights, window, epilogue, isa, parts);
  });
}

void check_depthwise(Element x, Element y) {
  const int64_t channels = 1 + below(9), outputs = channels * (1 + below(2));
  const Window window = random_window(channels);
  const int64_t taps = window.kernel[0] * window.kernel[1], positions = window.out_height * window.out_width;
  std::vector<float> floats, multiplier(static_cast<size_t>(outputs), 2e-3f);
  std::vector<int8_t> bytes;
  for (int64_t i = 0; i < outputs * taps; ++i) floats.push_back(real()), bytes.push_back(random_weight(8));
  DepthwiseWeights weights{outputs, floats.data(), nullptr, nullptr};
  if (x == Element::u8) weights.values = bytes.data(), weights.multiplier = multiplier.data();
  const Epilogue epilogue = random_epilogue(x, y);
  const AlignedBuffer image = random_input(x, channels * window.height * window.width);
  compare(image, y, outputs * positions, taps, x == Element::u8,
          [&](Isa isa, int) { return std::make_unique<ConvDepthwise>(weights, window, epilogue, isa); });
}

void check_single() {
  const int64_t channels = 1 + below(5), outputs = 1 + below(40), rows = 1 + below(70);
  const Window window = random_window(channels);
  const int64_t taps = channels * window.kernel[0] * window.kernel[1];
  std::vector<uint32_t> starts{0};
  std::vector<uint16_t> columns;
  std::vector<float> values, bias;
  for (int64_t m = 0; m < outputs; ++m) {
    for (int64_t k = 0; k < taps; ++k)
      if (below(3) == 0) columns.push_back(static_cast<uint16_t>(k)), values.push_back(real());
    starts.push_back(static_cast<uint32_t>(columns.size())), bias.push_back(real());
  }
  UnstructuredWeights w{outputs, taps, 1, starts.data(), columns.data(), false, values.data(), bias.data(), nullptr};
  const Epilogue epilogue = random_epilogue(Element::f32, Element::f32);
  const AlignedBuffer image = random_input(Element::f32, channels * window.height * window.width);
  compare(image, Element::f32, outputs * window.out_height * window.out_width, taps, false,
          [&](Isa isa, int parts) { return std::make_unique<ConvUnstructured>(w, window, epilogue, isa, parts); });
  const AlignedBuffer batch = random_input(Element::f32, rows * taps);
  compare(batch, Element::f32, outputs * rows, taps, false,
          [&](Isa isa, int parts) { return std::make_unique<LinearUnstructured>(w, rows, epilogue, isa, parts); });
  compare(batch, Element::f32, outputs * rows, taps, false,
          [&](Isa isa, int parts) { return std::make_unique<LinearSlots>(w, rows, epilogue, isa, parts); });
}

}  // namespace

int main() {
  for (int round = 0; round < 12; ++round) {
    check_blocks(Element::f32, Element::f32, false, false, 8);
    check_blocks(Element::f32, Element::f32, true, false, 8);
    for (const Element y : {Element::u8, Element::f32}) {
      for (const bool runs : {false, true})
        for (const int bits : {8, 4, 2}) check_blocks(Element::u8, y, false, runs, bits);
      check_depthwise(Element::u8, y);
    }
    check_depthwise(Element::f32, Element::f32);
    check_single();
    check_functions();
  }
  check_all_floats();
  for (const std::string& name : seen) std::printf("%s\n", name.c_str());
}
