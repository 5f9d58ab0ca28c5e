// Sound from what a network says of the spectrum of each frame, as vocoders of the inverse transform make it: a source
// is cut into frames under a window, its spectra are shaped, and frames are added up again.
//
// S = e^h e^{i pi tanh theta} P + e^n Z + e^r e^{i phi}, of each bin: P is of the source, Z is noise of variance 1, the
// others are the network's, exponents at most 7. Sixteen frames at a time, all of whose work stays in the L2 cache.
// Noise depends on the seed, the frame and the bin alone.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/spectral/kernel.h"

namespace apus {

class SpectralSynthesis {
 public:
  // Frames of overlap * hop samples, which begin a hop apart. `serves`: their half has no prime factor above 5.
  static bool serves(int64_t hop, int64_t overlap);
  SpectralSynthesis(int64_t hop, int64_t overlap, Isa isa);

  int64_t hop() const { return hop_; }
  int64_t overlap() const { return length_ / hop_; }
  int64_t bins() const { return length_ / 2 + 1; }
  const char* kernel() const { return kernel_->name; }

  // source [frames + overlap, hop], heads [frames, 5 * bins] (h, theta, n, r, phi), sound [frames + overlap - 1, hop].
  void run(const float* source, const float* heads, int64_t frames, uint32_t seed, float* sound) const;

 private:
  int64_t hop_, length_;
  const SpectralRow* kernel_;
  int radices_[kSpectralPasses] = {};
  std::vector<float> twiddles_, roots_, analysis_, synthesis_;
};

}  // namespace apus
