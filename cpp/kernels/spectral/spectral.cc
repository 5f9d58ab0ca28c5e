#include "kernels/spectral/spectral.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/buffer.h"
#include "kernels/planes/transpose.h"

namespace apus {
namespace {

constexpr int64_t kRow = 2 * kSpectralLanes;
constexpr float kSilent = -100;  // of heads: e to it is nothing beside any sound
constexpr double kTurn = 2 * std::numbers::pi;

// The radices of a transform of n points, largest first, to `to`; how many, or 0 where there are none.
int factor(int64_t n, int* to) {
  int count = 0;
  for (const int radix : {5, 4, 3, 2}) {
    for (; n % radix == 0 && count < kSpectralPasses - 1; n /= radix) to[count++] = radix;
  }
  return n == 1 ? count : 0;
}

void add_root(std::vector<float>& to, double turns) {
  to.push_back(static_cast<float>(std::cos(kTurn * turns)));
  to.push_back(static_cast<float>(-std::sin(kTurn * turns)));
}

// Of sixteen frames.
struct Block {
  int64_t hop, heads, rows;  // rows: hops that its frames reach
  std::vector<float> source, sound, planes, turned, padded;
  AlignedBuffer work;

  Block(int64_t hop, int64_t overlap, int64_t heads)
      : hop(hop),
        heads(heads),
        rows(kSpectralLanes + overlap - 1),
        source(static_cast<size_t>(hop * kRow)),
        sound(source.size()),
        planes(static_cast<size_t>(heads * kSpectralLanes)),
        turned(static_cast<size_t>(kRow * pitch())),
        padded(planes.size() + kSpectralLanes),
        work(static_cast<size_t>(2 * overlap * hop * kSpectralLanes) * sizeof(float)) {}

  int64_t pitch() const { return (hop + 15) / 16 * 16; }

  // Frames that are not there are silent. What is read past the last one's end has to be somewhere, too.
  void take(const float* from, int64_t hops, const float* rows_of_heads, int64_t count, bool last) {
    transpose_to_planes(from, source.data(), kRow, std::min(rows, hops), hop, 0, hop);
    if (last) {
      std::fill(padded.begin(), padded.end(), kSilent);
      std::copy_n(rows_of_heads, count * heads, padded.begin());
      rows_of_heads = padded.data();
    }
    transpose_to_planes(rows_of_heads, planes.data(), kSpectralLanes, kSpectralLanes, heads, 0, heads);
    std::fill(sound.begin(), sound.end(), 0.0f);
  }

  void add_to(float* to, int64_t hops) {
    transpose_to_planes(sound.data(), turned.data(), pitch(), hop, kRow, 0, kRow);
    for (int64_t row = 0; row < std::min(rows, hops); ++row)
      for (int64_t j = 0; j < hop; ++j) to[row * hop + j] += turned[static_cast<size_t>(row * pitch() + j)];
  }
};

}  // namespace

bool SpectralSynthesis::serves(int64_t hop, int64_t overlap) {
  int radices[kSpectralPasses];
  const bool shaped = hop > 0 && overlap > 0 && overlap <= kSpectralLanes && hop * overlap % 4 == 0;
  return shaped && factor(hop * overlap / 2, radices) > 0;
}

SpectralSynthesis::SpectralSynthesis(int64_t hop, int64_t overlap, Isa isa)
    : hop_(hop), length_(hop * overlap), kernel_(&spectral_kernel(isa)) {
  factor(length_ / 2, radices_);
  for (int64_t n = length_ / 2, i = 0; radices_[i]; n /= radices_[i++]) {
    for (int64_t p = 0; p < n / radices_[i]; ++p)
      for (int64_t j = 1; j < radices_[i]; ++j)
        add_root(twiddles_, static_cast<double>(j * p) / static_cast<double>(n));
  }
  for (int64_t k = 0; k <= length_ / 4; ++k) add_root(roots_, static_cast<double>(k) / static_cast<double>(length_));
  for (int64_t j = 0; j < length_; ++j) {
    const double window = 0.5 - 0.5 * std::cos(kTurn * static_cast<double>(j) / static_cast<double>(length_));
    // A cosine of amplitude 1 peaks at a quarter of the window's length.
    analysis_.push_back(static_cast<float>(window * 4 / static_cast<double>(length_)));
    synthesis_.push_back(static_cast<float>(window * 2 / static_cast<double>(length_)));
  }
}

void SpectralSynthesis::run(const float* source, const float* heads, int64_t frames, uint32_t seed,
                            float* sound) const {
  std::fill_n(sound, (frames + overlap() - 1) * hop_, 0.0f);
  Block block(hop_, overlap(), 5 * bins());
  SpectralArguments a{};
  a.length = length_, a.hop = hop_;
  std::copy_n(radices_, kSpectralPasses, a.radices);
  a.twiddles = twiddles_.data(), a.roots = roots_.data();
  a.analysis = analysis_.data(), a.synthesis = synthesis_.data();
  a.source = block.source.data(), a.heads = block.planes.data();
  a.work = reinterpret_cast<float*>(block.work.data()), a.sound = block.sound.data();
  for (int64_t first = 0; first < frames; first += kSpectralLanes) {
    const int64_t count = std::min(kSpectralLanes, frames - first), hops = frames + overlap() - 1 - first;
    block.take(source + first * hop_, hops, heads + first * block.heads, count, first + kSpectralLanes >= frames);
    a.seed = (seed ^ static_cast<uint32_t>(first) * 0x85EBCA6Bu) * 0xC2B2AE35u;
    kernel_->run(a);
    block.add_to(sound + first * hop_, hops);
  }
}

}  // namespace apus
