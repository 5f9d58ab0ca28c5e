#include "engine/wavegru/matrix.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/error.h"

namespace apus {
namespace {

constexpr int64_t kStripRows = 16, kGathered = 64, kMostGathered = 1024;

uint16_t to_bfloat16(float value) {  // to nearest, halves to even
  const uint32_t bits = __builtin_bit_cast(uint32_t, value);
  return static_cast<uint16_t>((bits + 0x7FFF + (bits >> 16 & 1)) >> 16);
}

}  // namespace

WaveGruKind wavegru_kind(const std::string& name) {
  constexpr const char* kNames[kWaveGruKinds] = {"dense", "csr", "block16", "block16-bf16", "block16-int8"};
  for (int i = 0; i < kWaveGruKinds; ++i) {
    if (name == kNames[i]) return static_cast<WaveGruKind>(i);
  }
  throw Error(ErrorKind::run,
              "no kind of weights '" + name + "'; take dense, csr, block16, block16-bf16 or block16-int8");
}

WaveGruPacked::WaveGruPacked(WaveGruKind kind, const float* rows, const float* bias, int64_t outputs, int64_t inputs)
    : kind_(kind), bias_(bias, bias + outputs) {
  if (outputs <= 0 || inputs <= 0 || outputs % kStripRows || inputs % kStripRows || inputs > 65536) {
    throw Error(ErrorKind::run, "a matrix of " + std::to_string(outputs) + " x " + std::to_string(inputs) +
                                    " weights; both must be multiples of 16, and inputs at most 65,536");
  }
  view_.outputs = outputs, view_.inputs = inputs;
  if (kind == WaveGruKind::dense_f32) pack_dense(rows);
  if (kind == WaveGruKind::csr_f32) pack_csr(rows);
  if (kind == WaveGruKind::block_f32 || kind == WaveGruKind::block_bf16) pack_blocks(rows);
  if (kind == WaveGruKind::block_s8) pack_groups(rows);
  view_.strips = strips_.data(), view_.columns = columns_.data(), view_.values = values_.data();
  view_.bias = bias_.data();
  bytes_ = static_cast<int64_t>(values_.size() + 2 * columns_.size());
}

void WaveGruPacked::pack_dense(const float* rows) {
  const int64_t K = view_.inputs;
  values_ = AlignedBuffer(view_.outputs * K * sizeof(float));
  float* value = reinterpret_cast<float*>(values_.data());
  for (int64_t strip = 0; strip < view_.outputs; strip += kStripRows) {
    for (int64_t k = 0; k < K; ++k) {
      for (int64_t r = 0; r < kStripRows; ++r) *value++ = rows[(strip + r) * K + k];
    }
  }
  nonzeros_ = view_.outputs * K;
}

void WaveGruPacked::pack_csr(const float* rows) {
  std::vector<float> kept;
  strips_.push_back(0);
  for (int64_t m = 0; m < view_.outputs; ++m) {
    for (int64_t k = 0; k < view_.inputs; ++k) {
      if (const float value = rows[m * view_.inputs + k]; value != 0) {
        kept.push_back(value);
        columns_.push_back(static_cast<uint16_t>(k));
      }
    }
    strips_.push_back(static_cast<uint32_t>(kept.size()));
  }
  values_ = AlignedBuffer(kept.size() * sizeof(float));
  if (!kept.empty()) std::memcpy(values_.data(), kept.data(), kept.size() * sizeof(float));
  nonzeros_ = static_cast<int64_t>(kept.size());
}

// Columns of a strip with any weight.
std::vector<uint16_t> WaveGruPacked::living(const float* rows, int64_t strip) const {
  std::vector<uint16_t> columns;
  for (int64_t k = 0; k < view_.inputs; ++k) {
    bool any = false;
    for (int64_t r = 0; r < kStripRows; ++r) any |= rows[(strip * kStripRows + r) * view_.inputs + k] != 0;
    if (any) columns.push_back(static_cast<uint16_t>(k));
  }
  return columns;
}

void WaveGruPacked::pack_blocks(const float* rows) {
  strips_.push_back(0);
  for (int64_t strip = 0; strip < view_.outputs / kStripRows; ++strip) {
    const auto kept = living(rows, strip);
    columns_.insert(columns_.end(), kept.begin(), kept.end());
    strips_.push_back(static_cast<uint32_t>(columns_.size()));
  }
  const bool half = kind_ == WaveGruKind::block_bf16;
  nonzeros_ = static_cast<int64_t>(columns_.size()) * kStripRows;
  values_ = AlignedBuffer(nonzeros_ * (half ? sizeof(uint16_t) : sizeof(float)));
  for (int64_t strip = 0; strip < view_.outputs / kStripRows; ++strip) {
    for (int64_t b = strips_[strip]; b < strips_[strip + 1]; ++b) {
      for (int64_t r = 0; r < kStripRows; ++r) {
        const float value = rows[(strip * kStripRows + r) * view_.inputs + columns_[b]];
        if (half) reinterpret_cast<uint16_t*>(values_.data())[16 * b + r] = to_bfloat16(value);
        if (!half) reinterpret_cast<float*>(values_.data())[16 * b + r] = value;
      }
    }
  }
}

void WaveGruPacked::pack_groups(const float* rows) {
  if (view_.inputs > kMostGathered) throw Error(ErrorKind::run, "block16-int8 takes at most 1,024 inputs");
  strips_.push_back(0);
  std::vector<int64_t> filled;  // columns of each strip before padding
  for (int64_t strip = 0; strip < view_.outputs / kStripRows; ++strip) {
    auto kept = living(rows, strip);
    filled.push_back(static_cast<int64_t>(kept.size()));
    while (kept.size() % 4) kept.push_back(kept.back());
    columns_.insert(columns_.end(), kept.begin(), kept.end());
    strips_.push_back(static_cast<uint32_t>(columns_.size() / 4));
  }
  nonzeros_ = static_cast<int64_t>(columns_.size()) * kStripRows;
  values_ = AlignedBuffer(nonzeros_ + sizeof(WaveGruStrip) * (view_.outputs / kStripRows));
  view_.strips = strips_.data(), view_.values = values_.data();
  for (int64_t m = 0; m < view_.outputs; ++m) {
    const float* row = rows + m * view_.inputs;
    const int64_t strip = m / kStripRows, r = m % kStripRows, first = 4 * static_cast<int64_t>(strips_[strip]);
    WaveGruStrip& to = const_cast<WaveGruStrip&>(wavegru_strip(view_, strip));
    int8_t* values = const_cast<int8_t*>(to.groups());
    float largest = 0;
    for (int64_t k = 0; k < view_.inputs; ++k) largest = std::max(largest, std::abs(row[k]));
    const float step = largest > 0 ? largest / 127 : 1;
    int32_t sum = 0;
    for (int64_t i = 0; i < filled[strip]; ++i) {
      const int8_t q = static_cast<int8_t>(std::lrintf(row[columns_[first + i]] / step));
      values[64 * (i / 4) + 4 * r + i % 4] = q;
      sum += q;
    }
    to.scale[r] = step / 127, to.offset[r] = -128 * sum, to.bias[r] = bias_[m];
  }
  add_gathers();
}

void WaveGruPacked::add_gathers() {
  std::vector<WaveGruGather> found;
  gathers_.push_back(0);
  for (int64_t strip = 0; strip < view_.outputs / kStripRows; ++strip) {
    const int64_t begin = 4 * static_cast<int64_t>(strips_[strip]), end = 4 * static_cast<int64_t>(strips_[strip + 1]);
    for (int64_t first = begin; first < end; first += kGathered) {
      WaveGruGather& next = found.emplace_back();
      for (int64_t i = 0; i < std::min(kGathered, end - first); ++i) {
        next.low[i] = columns_[first + i] % 128;
        next.from[columns_[first + i] / 128] |= 1ull << i;
      }
    }
    gathers_.push_back(static_cast<uint32_t>(found.size()));
  }
  found.emplace_back();
  gather_ = AlignedBuffer(found.size() * sizeof(WaveGruGather));
  std::memcpy(gather_.data(), found.data(), gather_.size());
  view_.gathers = gathers_.data(), view_.gather = reinterpret_cast<const WaveGruGather*>(gather_.data());
}

std::vector<int64_t> WaveGruPacked::cuts(int64_t gates, int parts) const {
  constexpr int64_t kUnitCost = 16;  // of the gates themselves, in blocks
  const int64_t units = view_.outputs / kStripRows / gates;
  const auto work = [&](int64_t strip) -> int64_t {
    if (kind_ == WaveGruKind::dense_f32) return view_.inputs;
    const int64_t rows = kind_ == WaveGruKind::csr_f32 ? kStripRows : 1;
    return strips_[(strip + 1) * rows] - strips_[strip * rows];
  };
  std::vector<int64_t> sums(units + 1), cuts(parts + 1, units);
  for (int64_t u = 0; u < units; ++u) {
    sums[u + 1] = sums[u] + kUnitCost;
    for (int64_t g = 0; g < gates; ++g) sums[u + 1] += work(g * units + u);
  }
  for (int p = 0; p < parts; ++p) {
    cuts[p] = std::lower_bound(sums.begin(), sums.end(), sums[units] * p / parts) - sums.begin();
  }
  return cuts;
}

}  // namespace apus
