#include "engine/wavegru/draw.h"

#include <array>
#include <cstddef>
#include <vector>

#include "kernels/unary/unary.h"
#include "kernels/wavegru/wavegru.h"

namespace apus {
namespace {

std::array<uint32_t, 4> philox(uint64_t seed, uint64_t sample, uint32_t half) {
  uint32_t a = static_cast<uint32_t>(sample), b = static_cast<uint32_t>(sample >> 32), c = half, d = 0;
  uint32_t key0 = static_cast<uint32_t>(seed), key1 = static_cast<uint32_t>(seed >> 32);
  for (int round = 0; round < 10; ++round) {
    const uint64_t left = 0xD2511F53ull * a, right = 0xCD9E8D57ull * c;
    const uint32_t next_a = static_cast<uint32_t>(right >> 32) ^ b ^ key0;
    const uint32_t next_c = static_cast<uint32_t>(left >> 32) ^ d ^ key1;
    a = next_a, b = static_cast<uint32_t>(right), c = next_c, d = static_cast<uint32_t>(left);
    key0 += 0x9E3779B9u, key1 += 0xBB67AE85u;
  }
  return {a, b, c, d};
}

}  // namespace

void draw_thresholds(uint64_t seed, uint64_t first, int64_t count, float* thresholds, Isa isa) {
  std::vector<float> rest(count * kWaveGruBits);
  for (int64_t t = 0; t < count; ++t) {
    for (uint32_t half = 0; half < 2; ++half) {
      const auto words = philox(seed, first + t, half);
      for (int i = 0; i < 4; ++i) {
        const float u = (static_cast<float>(words[i] >> 9) + 0.5f) * 0x1p-23f;
        thresholds[kWaveGruBits * t + 4 * half + i] = u;
        rest[kWaveGruBits * t + 4 * half + i] = 1.0f - u;
      }
    }
  }
  const UnaryKernel log = unary_table(isa).of(Unary::log);
  log(thresholds, thresholds, count * kWaveGruBits, {});
  log(rest.data(), rest.data(), count * kWaveGruBits, {});
  for (std::size_t i = 0; i < rest.size(); ++i) thresholds[i] -= rest[i];
}

}  // namespace apus
