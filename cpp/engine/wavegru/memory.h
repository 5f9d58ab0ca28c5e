// What a step recalls of the lowest band: its latest codes, and those about a period of the voice ago.
#pragma once

#include <cstdint>
#include <vector>

namespace apus {

inline constexpr int64_t kWaveGruReach = 512;  // samples back, at most

struct WaveGruRecalled {
  int64_t recent = 0, around = 0;  // how many codes: the latest; about a period ago, an odd number or 0
  int64_t pitch = 0;               // which feature is the logarithm of the pitch
  double period = 0;               // steps where it is 0

  int64_t count() const { return recent + around; }
};

class WaveGruMemory {
 public:
  WaveGruMemory(const WaveGruRecalled& what, int64_t bands);

  void hear(uint8_t code);                           // of the step before
  void recall(int64_t period, float* values) const;  // [recent + around], in steps of `period` below

  // Steps in a period where the feature is x, as many as can be recalled on both its sides.
  int64_t period(float x) const;

 private:
  WaveGruRecalled what_;
  int64_t reach_, next_ = 0;
  std::vector<float> heard_;  // the newest first from next_ on, and once more: any window of `reach_` lies in one piece
};

}  // namespace apus
