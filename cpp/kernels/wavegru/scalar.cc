#include "kernels/wavegru/body.inc"

namespace apus {
namespace {

void block_s8(const WaveGruMatrix& w, const void* input, float* y, int64_t first, int64_t last) {
  const uint8_t* x = static_cast<const uint8_t*>(input);
  for (int64_t strip = first; strip < last; ++strip) {
    const WaveGruStrip& s = wavegru_strip(w, strip);
    const int8_t* values = s.groups();
    int32_t sums[16];
    for (int r = 0; r < 16; ++r) sums[r] = s.offset[r];
    for (int64_t g = w.strips[strip]; g < w.strips[strip + 1]; ++g, values += 64) {
      for (int r = 0; r < 16; ++r) {
        for (int i = 0; i < 4; ++i) sums[r] += values[4 * r + i] * x[w.columns[4 * g + i]];
      }
    }
    for (int r = 0; r < 16; ++r) y[16 * strip + r] = static_cast<float>(sums[r]) * s.scale[r] + s.bias[r];
  }
}

}  // namespace

extern const WaveGruTable wavegru_scalar;
constinit const WaveGruTable wavegru_scalar = make_wavegru_table(Isa::scalar, block_s8);

}  // namespace apus
