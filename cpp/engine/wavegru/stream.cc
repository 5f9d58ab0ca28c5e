#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "engine/wavegru/draw.h"
#include "engine/wavegru/wavegru.h"
#include "kernels/matmul/matmul.h"
#include "kernels/unary/unary.h"

namespace apus {
namespace {

constexpr int64_t kTogether = 8;    // frames that threads run without coming back
constexpr float kEmphasis = 0.85f;  // src/apus/speech/mulaw.py

const float* levels() {
  static const std::vector<float> table = [] {
    std::vector<float> level(256);
    for (int code = 0; code < 256; ++code) {
      const double c = (code - 128) / 127.5;
      level[code] = static_cast<float>(std::copysign(std::expm1(std::abs(c) * std::log(256.0)) / 255, c));
    }
    return level;
  }();
  return table.data();
}

// y [rows, n] = x [rows, k] w + bias
void affine(const WaveGru& net, const float* x, int64_t rows, int64_t k, const float* w, const float* bias, int64_t n,
            float* y) {
  matmul_kernel(net.isa)({x, w, y, rows, n, k, k, n, n});
  if (!bias) return;
  for (int64_t i = 0; i < rows * n; ++i) y[i] += bias[i % n];
}

void apply(const WaveGru& net, Unary function, float* x, int64_t n) { unary_table(net.isa).of(function)(x, x, n, {}); }

}  // namespace

WaveGruStream::WaveGruStream(std::shared_ptr<const WaveGru> net, uint64_t seed, int threads)
    : net_(std::move(net)),
      seed_(seed),
      wide_in_(net_->features),
      deep_in_(net_->channels),
      wide_out_(net_->channels + kPadding),
      deep_out_(net_->channels + kPadding),
      recurrent_(3 * net_->hidden),
      exact_(3 * net_->hidden),
      added_(3 * net_->hidden),
      heads_(threads * (net_->head + kPadding)),
      cuts_(net_->recurrent.cuts(3, threads)),
      memories_(threads, WaveGruMemory(net_->recalled, net_->bands)),
      recalled_(net_->recall ? 3 * net_->hidden : 0),
      coming_(net_->taps),
      pool_(threads) {
  std::fill_n(codes_, kWaveGruMostBands, uint8_t{128});
  const size_t bytes = align_up(net_->hidden, 128);
  for (int i = 0; i < 2; ++i) {
    state_[i].assign(net_->hidden, 0);
    quantised_[i] = AlignedBuffer(bytes);
    std::fill_n(quantised_[i].data(), bytes, uint8_t{128});
  }
}

bool WaveGruStream::Window::push(const float* frame) {
  std::copy_n(frames_.data() + width_, 2 * width_, frames_.data());
  float* next = frames_.data() + 2 * width_;
  if (frame) std::copy_n(frame, width_, next);
  if (!frame) std::fill_n(next, width_, 0.0f);
  return std::exchange(any_, true);
}

void WaveGruStream::widen(const float* frame) {
  if (!wide_in_.push(frame)) return;
  const WaveGru& n = *net_;
  affine(n, wide_in_.data(), 1, 3 * n.features, n.wide.data(), n.wide_bias.data(), n.channels, wide_out_.data());
  apply(n, Unary::tanh, wide_out_.data(), n.channels);
  deepen(wide_out_.data());
}

void WaveGruStream::deepen(const float* frame) {
  if (!deep_in_.push(frame)) return;
  const WaveGru& n = *net_;
  affine(n, deep_in_.data(), 1, 3 * n.channels, n.deep.data(), n.deep_bias.data(), n.channels, deep_out_.data());
  apply(n, Unary::tanh, deep_out_.data(), n.channels);
  const int64_t C = n.channels, UC = n.subframes * C;
  up_.resize((ready_ + 1) * UC + kPadding);
  float* up = up_.data() + ready_++ * UC;
  affine(n, deep_out_.data(), 1, C, n.upsample.data(), n.upsample_bias.data(), UC, up);
  apply(n, Unary::tanh, up, UC);
}

int64_t WaveGruStream::ready(int64_t frames, bool last) const {
  const int64_t known = taken_ + frames - (last ? 0 : kWaveGruLookahead);
  return std::max<int64_t>(0, known - spoken_) * kWaveGruHop;
}

void WaveGruStream::push(const float* features, int64_t frames, bool last, std::vector<float>& samples,
                         WaveGruTrace trace) {
  if (ended_) throw Error(ErrorKind::run, "this stream has ended; make a new one");
  for (int64_t i = 0; i < frames * net_->features; ++i) {
    if (!std::isfinite(features[i])) throw Error(ErrorKind::run, "features must be finite");
  }
  const FlushDenormals flush;
  for (int64_t t = 0; t < frames; ++t) {
    const float* frame = features + t * net_->features;
    if (net_->recall) periods_.push_back(memories_[0].period(frame[net_->recalled.pitch]));
    widen(frame);
    if (ready_ >= kTogether) speak(samples, trace);
  }
  taken_ += frames;
  if (last) {
    ended_ = true;
    if (taken_) widen(nullptr), deepen(nullptr);
  }
  speak(samples, trace);
}

void WaveGruStream::speak(std::vector<float>& samples, WaveGruTrace& trace) {
  if (ready_ == 0) return;
  const int64_t count = ready_ * kWaveGruHop, rows = ready_ * net_->subframes, gates = 3 * net_->hidden;
  conditions_.resize(rows * gates);  // of all frames in one product, which reads the weights once
  affine(*net_, up_.data(), rows, net_->channels, net_->condition.data(), nullptr, gates, conditions_.data());
  thresholds_.resize(count * kWaveGruBits);
  draw_thresholds(seed_, sample_, count, thresholds_.data(), net_->isa);
  const size_t before = samples.size();
  samples.resize(before + count);
  Job job{*this, count, samples.data() + before, trace};
  const auto unit = [](void* context, int step, int thread) {
    const Job& all = *static_cast<Job*>(context);
    all.stream.step(step, thread, all);
  };
  pool_.run(unit, &job, static_cast<int>(count / net_->bands) + 1);
  if (net_->recall) periods_.erase(periods_.begin(), periods_.begin() + ready_);
  sample_ += count, spoken_ += std::exchange(ready_, 0);
  if (trace.codes) trace.codes += count, trace.drawn += count, trace.logits += 255 * count;
}

// Each thread reads for itself what the state of the step before says, which costs less than to meet twice a step, and
// does its share of the next state. After the last step there is only to read.
void WaveGruStream::step(int64_t step, int thread, const Job& job) {
  uint8_t codes[kWaveGruMostBands];
  codes_before(step, thread, job, codes);
  if (step < job.samples / net_->bands)
    advance(step, thread, codes);
  else if (thread == 0)
    std::copy_n(codes, net_->bands, codes_);
}

void WaveGruStream::codes_before(int64_t step, int thread, const Job& job, uint8_t* codes) {
  const int64_t B = net_->bands;
  if (step-- == 0) {
    std::copy_n(codes_, B, codes);
    return;
  }
  const WaveGruTrace& trace = job.trace;
  const bool own = thread == 0;
  float* const head = heads_.data() + thread * (net_->head + kPadding);
  read_out(step, buffer(step + 1), head, codes, own && trace.logits ? trace.logits + 255 * B * step : nullptr);
  if (own) sound(codes, job.out + B * step);
  if (own && trace.drawn) std::copy_n(codes, B, trace.drawn + B * step);
  if (trace.codes) std::copy_n(trace.codes + B * step, B, codes);
}

void WaveGruStream::advance(int64_t step, int thread, const uint8_t* codes) {
  const WaveGru& n = *net_;
  const int64_t H = n.hidden, held = kWaveGruHop / n.bands / n.subframes;
  const int64_t first = cuts_[thread], end = cuts_[thread + 1];
  const auto matvec = n.kernels.matvec[static_cast<int>(n.recurrent.kind())];
  const int now = buffer(step);
  const void* x = n.recurrent.quantised() ? static_cast<const void*>(quantised_[now].data()) : state_[now].data();
  for (int64_t gate = 0; gate < 3; ++gate) {
    matvec(n.recurrent.view(), x, recurrent_.data(), gate * H / 16 + first, gate * H / 16 + end);
  }
  const WaveGruGates g{added(step, thread, codes, first, end),
                       conditions_.data() + step / held * 3 * H,
                       recurrent_.data(),
                       state_[now].data(),
                       state_[1 - now].data(),
                       quantised_[1 - now].data(),
                       H};
  if (n.fast) n.kernels.gates(g, 16 * first, 16 * end);
  if (!n.fast) exact_gates(g, 16 * first, 16 * end);
}

// Which of the two states a step of this call begins with.
int WaveGruStream::buffer(int64_t step) const {
  return static_cast<int>((static_cast<int64_t>(sample_) / net_->bands + step) & 1);
}

const float* WaveGruStream::added(int64_t step, int thread, const uint8_t* codes, int64_t first, int64_t end) {
  const WaveGru& n = *net_;
  const int64_t H = n.hidden;
  const float* rows[kWaveGruMostBands + 1];
  for (int64_t b = 0; b < n.bands; ++b) rows[b] = n.table.data() + (b * 256 + codes[b]) * 3 * H;
  if (n.bands == 1 && !n.recall) return rows[0];
  if (n.recall) recall(step, thread, codes[0], first, end);
  rows[n.bands] = recalled_.data();
  for (int64_t gate = 0; gate < 3; ++gate) {
    n.kernels.add_rows(rows, static_cast<int>(n.bands) + (n.recall ? 1 : 0), added_.data(), gate * H + 16 * first,
                       gate * H + 16 * end);
  }
  return added_.data();
}

void WaveGruStream::recall(int64_t step, int thread, uint8_t code, int64_t first, int64_t end) {
  const WaveGru& n = *net_;
  float values[2 * kWaveGruReach];
  memories_[thread].hear(code);
  memories_[thread].recall(periods_[step * n.bands / kWaveGruHop], values);
  const auto matvec = n.kernels.matvec[static_cast<int>(WaveGruKind::dense_f32)];
  for (int64_t strip = 0; strip < 3 * n.hidden / 16; strip += n.hidden / 16) {
    matvec(n.recall->view(), values, recalled_.data(), strip + first, strip + end);
  }
}

// Overlap and add: each band's level fills the samples from its step on, and the step's own are then complete.
void WaveGruStream::sound(const uint8_t* codes, float* samples) {
  const WaveGru& n = *net_;
  for (int64_t b = 0; b < n.bands; ++b) {
    const float level = levels()[codes[b]];
    for (int64_t i = 0; i < n.taps; ++i) coming_[i] += level * n.bank[b * n.taps + i];
  }
  for (int64_t i = 0; i < n.bands; ++i) samples[i] = last_ = coming_[i] + kEmphasis * last_;
  std::copy(coming_.begin() + n.bands, coming_.end(), coming_.begin());
  std::fill_n(coming_.end() - n.bands, n.bands, 0.0f);
}

void WaveGruStream::exact_gates(const WaveGruGates& g, int64_t first, int64_t last) {
  const int64_t H = g.hidden, count = last - first;
  float* x = exact_.data();
  for (int64_t j = first; j < last; ++j) {
    x[j] = g.table[j] + g.condition[j] + g.recurrent[j];
    x[H + j] = g.table[H + j] + g.condition[H + j] + g.recurrent[H + j];
  }
  apply(*net_, Unary::sigmoid, x + first, count);
  apply(*net_, Unary::sigmoid, x + H + first, count);
  for (int64_t j = first; j < last; ++j) {
    x[2 * H + j] = g.table[2 * H + j] + g.condition[2 * H + j] + x[j] * g.recurrent[2 * H + j];
  }
  apply(*net_, Unary::tanh, x + 2 * H + first, count);
  for (int64_t j = first; j < last; ++j) {
    g.after[j] = x[2 * H + j] + x[H + j] * (g.before[j] - x[2 * H + j]);
    g.quantised[j] = static_cast<uint8_t>(g.after[j] * 127.0f + 128.5f);
  }
}

void WaveGruStream::read_out(int64_t step, int now, float* head, uint8_t* codes, float* logits) const {
  const WaveGru& n = *net_;
  const void* x = n.output.quantised() ? static_cast<const void*>(quantised_[now].data()) : state_[now].data();
  n.kernels.matvec[static_cast<int>(n.output.kind())](n.output.view(), x, head, 0, n.head / 16);
  for (int64_t b = 0; b < n.bands; ++b) {
    const float *nodes = n.nodes.data() + b * kWaveGruSubtrees * n.head * 16, *bias = n.nodes_bias.data();
    const WaveGruTree tree{nodes, bias + b * kWaveGruSubtrees * 16,
                           thresholds_.data() + kWaveGruBits * (n.bands * step + b), n.head};
    codes[b] = n.kernels.tree(tree, head);  // rectifies head
    if (!logits) continue;
    WaveGruMatrix all;
    all.outputs = kWaveGruSubtrees * 16, all.inputs = n.head, all.values = nodes, all.bias = tree.bias;
    float every[kWaveGruSubtrees * 16];
    n.kernels.matvec[static_cast<int>(WaveGruKind::dense_f32)](all, head, every, 0, kWaveGruSubtrees);
    for (int64_t node = 0; node < 255; ++node) logits[255 * b + node] = every[n.place[node]];
  }
}

}  // namespace apus
