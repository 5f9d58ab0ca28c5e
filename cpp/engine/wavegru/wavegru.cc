#include "engine/wavegru/wavegru.h"

#include <algorithm>
#include <string>

#include "base/error.h"

namespace apus {
namespace {

constexpr int64_t kPadding = 16;  // floats that kernels may read behind

std::vector<float> copy(const float* from, int64_t count) {
  std::vector<float> values(from, from + count);
  values.resize(count + kPadding);
  return values;
}

// From 255 nodes in heap order to 17 strips of 15: the four upper levels, and the four below each of their 16 ends.
int64_t heap_node(int64_t subtree, int64_t local) {
  if (subtree == 0) return local;
  int64_t level = 0;
  while ((2 << level) - 1 <= local) ++level;
  const int64_t place = local - ((1 << level) - 1), root_place = subtree - 1;
  return (1 << (level + 4)) - 1 + (root_place << level) + place;
}

void pack_nodes(const WaveGruArrays& arrays, std::vector<float>& nodes, std::vector<float>& bias,
                std::vector<int64_t>& place) {
  const int64_t D = arrays.head, strips = arrays.bands * kWaveGruSubtrees;
  nodes.assign(strips * D * 16 + kPadding, 0);
  bias.assign(strips * 16, 0);
  place.resize(255);
  for (int64_t s = 0; s < strips; ++s) {
    for (int64_t local = 0; local < 15; ++local) {
      const int64_t node = heap_node(s % kWaveGruSubtrees, local), row = s / kWaveGruSubtrees * 255 + node;
      place[node] = 16 * (s % kWaveGruSubtrees) + local;
      bias[16 * s + local] = arrays.nodes_bias[row];
      for (int64_t k = 0; k < D; ++k) nodes[(s * D + k) * 16 + local] = arrays.nodes[row * D + k];
    }
  }
}

std::unique_ptr<const WaveGruPacked> pack_recall(const WaveGruArrays& a) {
  if (!a.recall) return nullptr;
  const std::vector<float> no_bias(3 * a.hidden);
  return std::make_unique<const WaveGruPacked>(WaveGruKind::dense_f32, a.recall, no_bias.data(), 3 * a.hidden,
                                               a.recalled.count());
}

}  // namespace

WaveGru::WaveGru(const WaveGruArrays& a, WaveGruKind kind, bool fast, Isa isa)
    : features(a.features),
      channels(a.channels),
      hidden(a.hidden),
      head(a.head),
      bands(a.bands),
      subframes(a.subframes),
      taps(a.bank ? a.taps : 1),
      fast(fast),
      isa(isa),
      kernels(wavegru_table(isa)),
      recurrent(kind, a.recurrent, a.recurrent_bias, 3 * a.hidden, a.hidden),
      output(kind, a.head_weight, a.head_bias, a.head, a.hidden),
      recalled(a.recalled),
      recall(pack_recall(a)),
      wide(copy(a.wide, 3 * features * channels)),
      wide_bias(copy(a.wide_bias, channels)),
      deep(copy(a.deep, 3 * channels * channels)),
      deep_bias(copy(a.deep_bias, channels)),
      upsample(copy(a.upsample, subframes * channels * channels)),
      upsample_bias(copy(a.upsample_bias, subframes * channels)),
      condition(copy(a.condition, 3 * channels * hidden)),
      table(copy(a.table, bands * 256 * 3 * hidden)),
      bank(bands * taps, 1.0f) {
  if (bands < 1 || bands > kWaveGruMostBands || (bands > 1 && !a.bank) || taps % bands) {
    throw Error(ErrorKind::run, std::to_string(bands) + " bands and a bank of " + std::to_string(taps) + " taps");
  }
  if (subframes < 1 || kWaveGruHop % (bands * subframes)) {
    throw Error(ErrorKind::run, std::to_string(subframes) + " conditions do not divide the steps of a frame");
  }
  const int64_t reach = kWaveGruReach / bands;
  if (recalled.recent < 0 || recalled.recent > reach || recalled.around < 0 || recalled.around >= reach ||
      recalled.pitch < 0 || recalled.pitch >= features || (recall && !(recalled.period > 0))) {
    throw Error(ErrorKind::run, "what WaveGRU recalls must be within " + std::to_string(reach) + " steps");
  }
  if (a.bank) std::copy_n(a.bank, bands * taps, bank.data());
  pack_nodes(a, nodes, nodes_bias, place);
}

}  // namespace apus
