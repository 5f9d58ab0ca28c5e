// WaveGRU as src/apus/models/wavegru.py has it: features in, samples out, the whole loop here.
#pragma once

#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

#include "engine/pool.h"
#include "engine/wavegru/matrix.h"
#include "engine/wavegru/memory.h"

namespace apus {

inline constexpr int64_t kWaveGruHop = 300, kWaveGruLookahead = 2, kWaveGruMostBands = 8;

// Plain arrays, row-major, borrowed until the constructor returns. F features, C channels, H hidden, D head, B bands:
// the codes of a step, side by side wherever codes stand in a row; U conditions a frame, each for as many steps.
struct WaveGruArrays {
  int64_t features, channels, hidden, head, bands, subframes;
  const float *wide, *wide_bias;            // [3F, C]: taps t-1, t, t+1 of F features each; [C]
  const float *deep, *deep_bias;            // [3C, C], [C]
  const float *upsample, *upsample_bias;    // [C, UC], [UC]
  const float* condition;                   // [C, 3H]
  const float* table;                       // [B, 256, 3H]: what each code adds to the gates, input bias included
  const float *recurrent, *recurrent_bias;  // [3H, H], [3H]
  const float *head_weight, *head_bias;     // [D, H], [D]
  const float *nodes, *nodes_bias;          // [B, 255, D], [B, 255], heap order
  const float* bank = nullptr;              // [B, taps]: what a band's level adds to the samples from its step on
  int64_t taps = 0;                         // a multiple of B; with one band there is no bank
  const float* recall = nullptr;            // [3H, recent + around]: what is recalled to gates; none by default
  WaveGruRecalled recalled;
};

class WaveGru {
 public:
  WaveGru(const WaveGruArrays& arrays, WaveGruKind kind, bool fast, Isa isa);

  const int64_t features, channels, hidden, head, bands, subframes, taps;
  const bool fast;  // activations of kernels/wavegru; else those of kernels/unary
  const Isa isa;
  const WaveGruTable& kernels;
  const WaveGruPacked recurrent, output;
  const WaveGruRecalled recalled;
  const std::unique_ptr<const WaveGruPacked> recall;  // dense; null where nothing is recalled
  // Biases are added by the matrices that hold them; the others stand here.
  std::vector<float> wide, wide_bias, deep, deep_bias, upsample, upsample_bias, condition, table;
  std::vector<float> nodes, nodes_bias;  // [B][17][D][16], [B][17][16]
  std::vector<int64_t> place;            // of each node, heap order, in a band's nodes_bias
  std::vector<float> bank;
};

// What a stream under teacher forcing shows of each sample.
struct WaveGruTrace {
  const uint8_t* codes = nullptr;  // [S] taken instead of what is drawn
  uint8_t* drawn = nullptr;        // [S]
  float* logits = nullptr;         // [S][255], heap order
};

class WaveGruStream {
 public:
  WaveGruStream(std::shared_ptr<const WaveGru> net, uint64_t seed, int threads);

  // Takes frames [T][F] and appends the samples that they allow: all but the last two frames' so far, all when `last`,
  // after which no more are taken. Features must be finite. `trace` covers the samples of this call.
  void push(const float* features, int64_t frames, bool last, std::vector<float>& samples, WaveGruTrace trace);
  int64_t ready(int64_t frames, bool last) const;  // samples that push would append

 private:
  // Three frames side by side: the last, this one, the next; zeros beyond either end.
  class Window {
   public:
    explicit Window(int64_t width) : width_(width), frames_(3 * width + kPadding) {}
    bool push(const float* frame);  // null: zeros. True when the frame before it has its neighbours
    const float* data() const { return frames_.data(); }

   private:
    int64_t width_;
    bool any_ = false;
    std::vector<float> frames_;
  };
  struct Job {
    WaveGruStream& stream;
    int64_t samples;
    float* out;
    WaveGruTrace trace;
  };

  void widen(const float* frame);   // first layer; passes on to
  void deepen(const float* frame);  // the second, and the third: [U][C] more in up_
  void speak(std::vector<float>& samples, WaveGruTrace& trace);
  void step(int64_t step, int thread, const Job& job);
  void advance(int64_t step, int thread, const uint8_t* codes);
  void codes_before(int64_t step, int thread, const Job& job, uint8_t* codes);
  int buffer(int64_t step) const;
  void exact_gates(const WaveGruGates& g, int64_t first, int64_t last);
  // What a step's codes, and what is recalled, add to the gates of units [16 first, 16 end).
  const float* added(int64_t step, int thread, const uint8_t* codes, int64_t first, int64_t end);
  void recall(int64_t step, int thread, uint8_t code, int64_t first, int64_t end);
  void read_out(int64_t step, int now, float* head, uint8_t* codes, float* logits) const;
  void sound(const uint8_t* codes, float* samples);  // B samples

  static constexpr int64_t kPadding = 16;

  std::shared_ptr<const WaveGru> net_;
  uint64_t seed_, sample_ = 0;
  int64_t taken_ = 0, ready_ = 0, spoken_ = 0;  // frames
  bool ended_ = false;
  Window wide_in_, deep_in_;
  std::vector<float> wide_out_, deep_out_;
  std::vector<float> up_, conditions_, thresholds_;  // of the frames to be spoken together
  std::vector<float> recurrent_, exact_, added_;     // [3H] each
  std::vector<float> heads_;                         // of each thread
  std::vector<float> state_[2];
  AlignedBuffer quantised_[2];
  std::vector<int64_t> cuts_;
  std::vector<WaveGruMemory> memories_;  // of each thread
  std::vector<int64_t> periods_;         // of the frames that are not yet spoken
  std::vector<float> recalled_;          // [3H]
  uint8_t codes_[kWaveGruMostBands];     // of the last step
  std::vector<float> coming_;            // [taps] of the samples to come, without emphasis, what the bands know so far
  float last_ = 0;
  ThreadPool pool_;
};

}  // namespace apus
