#include "kernels/wavegru/body.inc"

namespace apus {
namespace {

void block_s8(const WaveGruMatrix& w, const void* input, float* y, int64_t first, int64_t last) {
  const uint8_t* x = static_cast<const uint8_t*>(input);
  const int8_t* values = static_cast<const int8_t*>(w.values);
  for (int64_t strip = first; strip < last; ++strip) {
    int32_t sums[16];
    for (int r = 0; r < 16; ++r) sums[r] = w.offset[16 * strip + r];
    for (int64_t g = w.strips[strip]; g < w.strips[strip + 1]; ++g) {
      for (int r = 0; r < 16; ++r) {
        for (int i = 0; i < 4; ++i) sums[r] += values[64 * g + 4 * r + i] * x[w.columns[4 * g + i]];
      }
    }
    for (int r = 0; r < 16; ++r) {
      const int64_t m = 16 * strip + r;
      y[m] = static_cast<float>(sums[r]) * w.scale[m] + w.bias[m];
    }
  }
}

}  // namespace

extern const WaveGruTable wavegru_scalar;
constinit const WaveGruTable wavegru_scalar = make_wavegru_table(Isa::scalar, block_s8);

}  // namespace apus
