// One call of a spectral kernel: sixteen frames, a lane each. Plain data, safe for sealed ISA files.
//
// What lies by lanes is [places][16], or [hop][2 * 16] where lane l of place (j, q) stands at j * 32 + l + q: sample
// q * hop + j of frame l, for frames begin a hop apart.
#pragma once

#include <cstdint>

#include "base/isa.h"

namespace apus {

inline constexpr int64_t kSpectralLanes = 16;
inline constexpr int kSpectralPasses = 8;  // of a transform, at most

struct SpectralArguments {
  int64_t length, hop;           // N, even, and N / overlap
  int radices[kSpectralPasses];  // of the transform of N / 2 points: 2 to 5; 0 ends them
  const float* twiddles;         // e^{-2 pi i j p / n} of each pass: [p][j - 1][2], 0 < j < radix
  const float* roots;            // [N / 4 + 1][2] e^{-2 pi i k / N}
  const float* analysis;         // [N] of the source's window
  const float* synthesis;        // [N] of the sound's, with 2 / N
  const float* source;           // [hop][32]
  float* heads;                  // [5 * (N / 2 + 1)][16]; spoilt
  uint32_t seed;                 // of the noise of these frames
  float* work;                   // [2 * N][16]
  float* sound;                  // [hop][32], added to
};

struct SpectralRow {
  const char* name;
  Isa isa;
  void (*run)(const SpectralArguments&);
};

// The best row of at most `isa`.
const SpectralRow& spectral_kernel(Isa isa);

}  // namespace apus
