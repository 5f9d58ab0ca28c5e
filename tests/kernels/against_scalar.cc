// Every kernel of this processor against the scalar one, on random weights: integers exactly, sums of floats within
// rounding. Prints what ran, "kernel" by line; stops at the first difference. tests/engine/test_aarch64.py runs it.
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/cpu.h"
#include "kernels/conv_block16/conv_block16.h"
#include "kernels/conv_depthwise/conv_depthwise.h"
#include "kernels/conv_unstructured/conv_unstructured.h"
#include "kernels/linear_block16/linear_block16.h"
#include "kernels/linear_slots/linear_slots.h"
#include "kernels/linear_unstructured/linear_unstructured.h"
#include "kernels/matmul/matmul.h"
#include "kernels/unary/unary.h"
#include "kernels/wavegru/wavegru.h"

using namespace apus;

namespace {

std::mt19937 generator(7);
std::set<std::string> seen;

int64_t below(int64_t end) { return static_cast<int64_t>(generator() % static_cast<uint64_t>(end)); }
float real() { return static_cast<float>(generator() % 20001) / 1e4f - 1; }

[[noreturn]] void differ(const std::string& name, const std::string& where) {
  std::fprintf(stderr, "%s differs from scalar: %s\n", name.c_str(), where.c_str());
  std::exit(1);
}

AlignedBuffer random_input(Element element, int64_t count) {
  AlignedBuffer x(static_cast<size_t>(count * element_size(element) + kSlack));
  for (int64_t i = 0; i < count; ++i) {
    if (element == Element::f32)
      reinterpret_cast<float*>(x.data())[i] = real();
    else
      x.data()[i] = static_cast<uint8_t>(below(3) ? generator() : below(2) * 255);
  }
  return x;
}

constexpr int64_t kGuard = 96;  // bytes behind y that must keep their value

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

int8_t random_weight(int bits) {
  const int most = 1 << (bits - 1);
  return static_cast<int8_t>(below(4) ? below(2 * most) - most : below(2) ? -most : most - 1);
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

void check_matmul() {
  const int64_t m = 1 + below(20), n = 1 + below(50), k = below(60);
  const AlignedBuffer a = random_input(Element::f32, m * k), b = random_input(Element::f32, k * n);
  const auto product = [&](Isa isa) {
    std::vector<float> y(static_cast<size_t>(m * n + kGuard), 7.0f);
    matmul_kernel(isa)({reinterpret_cast<const float*>(a.data()), reinterpret_cast<const float*>(b.data()), y.data(), m,
                        n, k, k, n, n});
    return y;
  };
  const std::vector<float> want = product(Isa::scalar);
  for (const std::string& name : available_isas()) {
    const std::vector<float> got = product(*available_isa(name));
    for (size_t i = 0; i < got.size(); ++i)
      if (!(std::fabs(got[i] - want[i]) <= 4e-7f * static_cast<float>(k + 1)))
        differ("matmul " + name, std::to_string(i));
  }
}

// Bits of every 4093rd float32, the same as the scalar body's; and every table of 256 bytes.
void check_unary() {
  constexpr int64_t kCount = (int64_t{1} << 32) / 4093;
  std::vector<float> x, want, got;
  for (int64_t i = 0; i < kCount; ++i) x.push_back(__builtin_bit_cast(float, static_cast<uint32_t>(i * 4093)));
  want = got = x;
  const UnaryParameters parameters{0.1f, 0.5f, -1, 6};
  std::vector<uint8_t> bytes(517), table(256), mapped(517), right(517);
  for (uint8_t& b : bytes) b = static_cast<uint8_t>(generator());
  for (uint8_t& b : table) b = static_cast<uint8_t>(generator());
  unary_table(Isa::scalar).bytes(bytes.data(), right.data(), 517, table.data());
  for (const std::string& name : available_isas()) {
    const UnaryTable& one = unary_table(*available_isa(name));
    if (one.isa == Isa::scalar) continue;
    one.bytes(bytes.data(), mapped.data(), 517, table.data());
    if (mapped != right) differ("bytes " + name, "a table");
    for (int f = 0; f < kUnaryCount; ++f) {
      unary_table(Isa::scalar).functions[f](x.data(), want.data(), kCount, parameters);
      one.functions[f](x.data(), got.data(), kCount, parameters);
      for (size_t i = 0; i < x.size(); ++i)
        if (std::memcmp(&want[i], &got[i], 4) && (want[i] == want[i] || got[i] == got[i]))
          differ("unary " + name, std::to_string(f) + " of " + std::to_string(x[i]));
    }
  }
}

// A vocoder's bytes, to the last bit: offsets are -128 times the sums of rows, as the format has it.
void check_wavegru() {
  const int64_t outputs = 16 * (1 + below(4)), inputs = 16 * (1 + below(6));
  std::vector<uint32_t> strips{0};
  std::vector<uint16_t> columns;
  std::vector<int8_t> values;
  std::vector<int32_t> offset(static_cast<size_t>(outputs));
  std::vector<float> scale, bias;
  for (int64_t strip = 0; strip < outputs / 16; ++strip) {
    for (int64_t group = below(9); group-- > 0;) {
      for (int i = 0; i < 4; ++i) columns.push_back(static_cast<uint16_t>(below(inputs)));
      for (int i = 0; i < 64; ++i) {
        values.push_back(random_weight(8));
        offset[static_cast<size_t>(16 * strip + i / 4)] -= 128 * values.back();
      }
    }
    strips.push_back(static_cast<uint32_t>(columns.size() / 4));
  }
  for (int64_t m = 0; m < outputs; ++m) scale.push_back(real()), bias.push_back(real());
  WaveGruMatrix w;
  w.outputs = outputs, w.inputs = inputs, w.strips = strips.data(), w.columns = columns.data();
  w.values = values.data(), w.bias = bias.data(), w.scale = scale.data(), w.offset = offset.data();
  const AlignedBuffer x = random_input(Element::u8, inputs);
  const auto product = [&](Isa isa) {
    std::vector<float> y(static_cast<size_t>(outputs));
    wavegru_table(isa).matvec[static_cast<int>(WaveGruKind::block_s8)](w, x.data(), y.data(), 0, outputs / 16);
    return y;
  };
  const std::vector<float> want = product(Isa::scalar);
  for (const char* name : {"neon", "dotprod"}) {
    const auto isa = available_isa(name);
    if (isa && product(*isa) != want) differ(std::string("wavegru ") + name, "block_s8");
  }
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
    check_matmul();
    check_wavegru();
  }
  check_unary();
  for (const std::string& name : seen) std::printf("%s\n", name.c_str());
}
