// What the entries of single kernels have in common: arrays, options, and one operator run part by part.
#pragma once

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>

#include <algorithm>
#include <chrono>
#include <cstring>
#include <new>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/cpu.h"
#include "kernels/block16/block16.h"
#include "kernels/operator.h"
#include "kernels/planes/planes.h"

namespace nb = nanobind;

namespace apus {

using Input = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;
using Output = nb::ndarray<nb::c_contig, nb::device::cpu>;
using Clock = std::chrono::steady_clock;

// 64-byte aligned bytes with slack behind them.
class Scratch {
 public:
  explicit Scratch(int64_t bytes) : data_(::operator new(bytes + kSlack, std::align_val_t{64})) {}
  Scratch(const void* from, int64_t bytes) : Scratch(bytes) { std::memcpy(data_, from, bytes); }
  ~Scratch() { ::operator delete(data_, std::align_val_t{64}); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  void* data() const { return data_; }

 private:
  void* data_;
};

inline Isa isa_named(const std::string& name) {
  if (const std::optional<Isa> isa = available_isa(name)) return *isa;
  throw std::invalid_argument("this CPU has no " + name);
}

inline Element element_of(const nb::dlpack::dtype& type) {
  if (type == nb::dtype<float>()) return Element::f32;
  if (type == nb::dtype<uint8_t>()) return Element::u8;
  throw std::invalid_argument("kernels take float32 and uint8");
}

struct Options {
  std::string isa;
  float low, high;
  int x_zero_point, y_zero_point, parts, repeat;
};

inline Epilogue epilogue_of(const Input& x, const Output& y, const Options& o) {
  return {element_of(x.dtype()), element_of(y.dtype()), o.x_zero_point, o.y_zero_point, o.low, o.high};
}

inline const void* data_or_null(const std::optional<Input>& array) { return array ? array->data() : nullptr; }

template <class F>
double nanoseconds(int calls, F&& call) {
  const auto start = Clock::now();
  for (int i = 0; i < calls; ++i) call();
  return std::chrono::duration<double, std::nano>(Clock::now() - start).count() / calls;
}

// The least nanoseconds a call of `repeat` tries, each of about 10 us: long enough for the clock, short enough to fall
// between interruptions.
template <class F>
double time(int repeat, F&& call) {
  if (repeat == 0) return 0;
  double best = nanoseconds(1, call);
  const int calls = static_cast<int>(std::clamp(1e4 / best, 1.0, 100.0));
  for (int i = 0; i < repeat; ++i) best = std::min(best, nanoseconds(calls, call));
  return best;
}

// Runs an operator, every part in turn, and says what ran. The last part goes first, so that one that wrote past
// its share would spoil another's.
inline nb::dict run(const Operator& op, const Input& x, const Output& y, const Options& o) {
  const Scratch input(x.data(), static_cast<int64_t>(x.nbytes()));
  const int64_t each = (op.scratch_bytes() + 63) / 64 * 64, apart = op.owns_scratch() ? each : 0;
  const Scratch scratch(each * o.parts);
  std::memset(scratch.data(), 0xFF, each * o.parts);  // what nobody stages is no number
  const auto room = [&](int part) { return static_cast<char*>(scratch.data()) + part * apart; };
  const auto stage = [&] {
    for (int i = o.parts; i-- > 0;) op.stage(input.data(), room(i), i, o.parts);
  };
  const auto compute = [&] {
    for (int i = o.parts; i-- > 0;) op.compute(input.data(), room(i), y.data(), i, o.parts);
  };
  stage();
  compute();
  nb::dict result;
  result["kernel"] = op.kernel();
  result["isa"] = isa_name(op.isa());
  result["macs"] = op.macs();
  result["nonzero_macs"] = op.nonzero_macs();
  result["cost"] = op.cost();
  result["imbalance"] = op.imbalance();
  result["scratch_bytes"] = op.scratch_bytes();
  result["stage_ns"] = time(o.repeat, stage);
  result["compute_ns"] = time(o.repeat, compute);
  return result;
}

inline Window window_of(const std::vector<int64_t>& v) {
  if (v.size() != 15) throw std::invalid_argument("window: C H W Ho Wo, kernel, strides, dilations, pads");
  return {v[0], v[1], v[2], v[3], v[4], {v[5], v[6]}, {v[7], v[8]}, {v[9], v[10]}, {v[11], v[12], v[13], v[14]}};
}

}  // namespace apus
