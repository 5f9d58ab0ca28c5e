// Kernels that are not operators with weights, against the scalar ones.
#include <cmath>
#include <cstring>
#include <vector>

#include "base/cpu.h"
#include "kernels/matmul/matmul.h"
#include "kernels/pool/pool.h"
#include "kernels/roofline/roofline.h"
#include "kernels/spectral/spectral.h"
#include "kernels/unary/unary.h"
#include "kernels/wavegru/wavegru.h"
#include "random.h"

namespace apus {
namespace {

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
  const int64_t outputs = 16 * (1 + below(4)), inputs = 16 * (1 + below(6)), most = 9;
  const int64_t room = static_cast<int64_t>(sizeof(WaveGruStrip)) + 64 * most;
  AlignedBuffer values(static_cast<size_t>(outputs / 16 * room + kSlack));
  std::vector<uint32_t> strips{0};
  std::vector<uint16_t> columns;
  WaveGruMatrix w;
  w.outputs = outputs, w.inputs = inputs, w.values = values.data();
  for (int64_t strip = 0; strip < outputs / 16; ++strip) {
    w.strips = strips.data();
    WaveGruStrip& at = const_cast<WaveGruStrip&>(wavegru_strip(w, strip));
    for (int m = 0; m < 16; ++m) at.offset[m] = 0, at.scale[m] = real(), at.bias[m] = real();
    const int64_t groups = below(most);
    for (int64_t i = 0; i < 4 * groups; ++i) columns.push_back(static_cast<uint16_t>(below(inputs)));
    for (int64_t i = 0; i < 64 * groups; ++i) {
      const int8_t weight = random_weight(8);
      const_cast<int8_t*>(at.groups())[i] = weight;
      at.offset[i % 64 / 4] -= 128 * weight;
    }
    strips.push_back(strips.back() + static_cast<uint32_t>(groups));
  }
  w.strips = strips.data(), w.columns = columns.data();
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

// Maxima of pairs, which have code of their own.
void check_pool() {
  const int64_t width = 2 + below(90), height = 2 + below(6);
  const PoolWindow window{height, width, height / 2, width / 2, {2, 2}, {2, 2}, {1, 1}, {0, 0, 0, 0}, false};
  const AlignedBuffer x = random_input(Element::u8, width * height);
  const auto pooled = [&](Isa isa) {
    std::vector<uint8_t> y(static_cast<size_t>(height / 2 * (width / 2) + kGuard), 0xA5), scratch(256);
    pool_table(isa).max_bytes(x.data(), y.data(), window, scratch.data());
    return y;
  };
  for (const std::string& name : available_isas())
    if (pooled(*available_isa(name)) != pooled(Isa::scalar)) differ("max_bytes " + name, std::to_string(width));
}

// The same bits, noise and all.
void check_spectral() {
  const int64_t hop = int64_t{4} << below(4), overlap = int64_t{1} << below(3), frames = below(40);
  const int64_t bins = hop * overlap / 2 + 1;
  const AlignedBuffer source = random_input(Element::f32, (frames + overlap) * hop);
  const AlignedBuffer heads = random_input(Element::f32, frames * 5 * bins);
  const auto made = [&](Isa isa) {
    std::vector<float> y(static_cast<size_t>((frames + overlap - 1) * hop));
    SpectralSynthesis(hop, overlap, isa)
        .run(reinterpret_cast<const float*>(source.data()), reinterpret_cast<const float*>(heads.data()), frames, 7,
             y.data());
    return y;
  };
  for (const std::string& name : available_isas())
    if (made(*available_isa(name)) != made(Isa::scalar)) differ("spectral " + name, std::to_string(hop));
}

// The roofs compute nothing; they must run.
void check_roofline() {
  alignas(64) char sink[64];
  const AlignedBuffer from(4096);
  std::memset(from.data(), 0, from.size());
  for (const RooflineRow* row : {roofline_f32(best_isa()), roofline_s8(best_isa())}) {
    if (row == nullptr) continue;
    row->multiply(10, sink);
    row->read(from.data(), 4096, sink);
    if (sink[0] != 0 || row->macs <= 0) differ("roofline", "a sum of zeros");
  }
}

}  // namespace

void check_functions() {
  check_matmul();
  check_wavegru();
  check_pool();
  check_spectral();
}

void check_all_floats() {
  check_unary();
  check_roofline();
}

}  // namespace apus
