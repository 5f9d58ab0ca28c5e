#include "engine/wavegru/memory.h"

#include <algorithm>
#include <cmath>

namespace apus {

namespace {
constexpr float kUnit = 32;  // codes; src/apus/models/wavegru.py
}

WaveGruMemory::WaveGruMemory(const WaveGruRecalled& what, int64_t bands)
    : what_(what), reach_(kWaveGruReach / bands), heard_(2 * reach_, 0.0f) {}

void WaveGruMemory::hear(uint8_t code) {
  next_ = (next_ ? next_ : reach_) - 1;
  heard_[next_] = heard_[next_ + reach_] = static_cast<float>(code - 128) / kUnit;
}

void WaveGruMemory::recall(int64_t period, float* values) const {
  const float* latest = heard_.data() + next_;
  std::copy_n(latest, what_.recent, values);
  const float* nearest = latest + period - 1 - what_.around / 2;
  std::reverse_copy(nearest, nearest + what_.around, values + what_.recent);
}

int64_t WaveGruMemory::period(float x) const {
  const double steps = std::nearbyint(what_.period * std::exp(-static_cast<double>(x)));
  const int64_t half = what_.around / 2;
  return static_cast<int64_t>(std::clamp<double>(steps, 1 + half, reach_ - half));
}

}  // namespace apus
