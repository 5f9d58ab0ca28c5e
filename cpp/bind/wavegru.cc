// WaveGRU: arrays in, samples out. apus.runtime.wavegru names the arrays; shapes are checked here.
#include "bind/wavegru.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "base/cpu.h"
#include "base/error.h"
#include "engine/wavegru/wavegru.h"

namespace nb = nanobind;

namespace apus {
namespace {

using Matrix = nb::ndarray<const float, nb::c_contig, nb::device::cpu>;
using Codes = nb::ndarray<const uint8_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Named = std::map<std::string, Matrix>;

template <class T>
nb::ndarray<nb::numpy, T> array_of(T* data, std::initializer_list<size_t> shape) {
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  return nb::ndarray<nb::numpy, T>(data, shape, owner);
}

const float* take(const Named& arrays, const std::string& name, size_t rows, size_t columns) {
  const auto found = arrays.find(name);
  if (found == arrays.end()) throw Error(ErrorKind::run, "WaveGRU lacks the array '" + name + "'");
  if (found->second.size() != rows * columns) {
    throw Error(ErrorKind::run, "WaveGRU's '" + name + "' has " + std::to_string(found->second.size()) + " numbers; " +
                                    std::to_string(rows * columns) + " are needed");
  }
  return found->second.data();
}

size_t rows_of(const Named& arrays, const std::string& name, size_t dimension) {
  const auto found = arrays.find(name);
  if (found == arrays.end() || found->second.ndim() != 2) {
    throw Error(ErrorKind::run, "WaveGRU lacks the matrix '" + name + "'");
  }
  return found->second.shape(dimension);
}

std::shared_ptr<WaveGru> make(const Named& arrays, const std::string& kind, bool fast, const std::string& isa) {
  const size_t F = rows_of(arrays, "wide", 0) / 3, C = rows_of(arrays, "wide", 1);
  const size_t H = rows_of(arrays, "recurrent", 1), D = rows_of(arrays, "head", 0);
  const size_t B = rows_of(arrays, "nodes", 0) / 255, U = rows_of(arrays, "upsample", 1) / std::max<size_t>(C, 1);
  WaveGruArrays a;
  a.features = F, a.channels = C, a.hidden = H, a.head = D, a.bands = B, a.subframes = U;
  a.wide = take(arrays, "wide", 3 * F, C), a.wide_bias = take(arrays, "wide_bias", 1, C);
  a.deep = take(arrays, "deep", 3 * C, C), a.deep_bias = take(arrays, "deep_bias", 1, C);
  a.upsample = take(arrays, "upsample", C, U * C), a.upsample_bias = take(arrays, "upsample_bias", 1, U * C);
  a.condition = take(arrays, "condition", C, 3 * H), a.table = take(arrays, "table", B * 256, 3 * H);
  a.recurrent = take(arrays, "recurrent", 3 * H, H), a.recurrent_bias = take(arrays, "recurrent_bias", 1, 3 * H);
  a.head_weight = take(arrays, "head", D, H), a.head_bias = take(arrays, "head_bias", 1, D);
  a.nodes = take(arrays, "nodes", 255 * B, D), a.nodes_bias = take(arrays, "nodes_bias", 1, 255 * B);
  if (arrays.count("bank")) a.taps = rows_of(arrays, "bank", 1), a.bank = take(arrays, "bank", B, a.taps);
  if (arrays.count("recall")) {
    const float* what = take(arrays, "recalled", 1, 4);
    a.recalled = {static_cast<int64_t>(what[0]), static_cast<int64_t>(what[1]), static_cast<int64_t>(what[2]), what[3]};
    a.recall = take(arrays, "recall", 3 * H, a.recalled.count());
  }
  const Isa use = std::min(active_isa(), available_isa(isa).value_or(active_isa()));
  return std::make_shared<WaveGru>(a, wavegru_kind(kind), fast, use);
}

nb::ndarray<nb::numpy, float> push(WaveGruStream& stream, const Matrix& features, bool last) {
  std::vector<float> samples;
  {
    nb::gil_scoped_release release;
    stream.push(features.data(), static_cast<int64_t>(features.shape(0)), last, samples, {});
  }
  float* out = new float[samples.size() + 1];
  std::copy(samples.begin(), samples.end(), out);
  return array_of(out, {samples.size()});
}

nb::tuple force(WaveGruStream& stream, const Matrix& features, const Codes& codes) {
  const size_t count = static_cast<size_t>(stream.ready(static_cast<int64_t>(features.shape(0)), true));
  if (codes.size() != count) {
    throw Error(ErrorKind::run, std::to_string(codes.size()) + " codes; these features make " + std::to_string(count));
  }
  uint8_t* drawn = new uint8_t[count + 1];
  auto drawn_array = array_of(drawn, {count});
  float* logits = new float[255 * count + 1];
  auto logits_array = array_of(logits, {count, 255});
  std::vector<float> samples;
  {
    nb::gil_scoped_release release;
    stream.push(features.data(), static_cast<int64_t>(features.shape(0)), true, samples, {codes.data(), drawn, logits});
  }
  return nb::make_tuple(drawn_array, logits_array);
}

}  // namespace

void bind_wavegru(nb::module_& m) {
  nb::class_<WaveGru>(m, "WaveGRU")
      .def(nb::new_(&make), nb::arg("arrays"), nb::arg("kind"), nb::arg("fast"), nb::arg("isa"))
      .def_prop_ro("features", [](const WaveGru& net) { return net.features; })
      .def_prop_ro("bands", [](const WaveGru& net) { return net.bands; })
      .def_prop_ro("nonzeros", [](const WaveGru& net) { return net.recurrent.nonzeros() + net.output.nonzeros(); })
      .def_prop_ro("bytes", [](const WaveGru& net) { return net.recurrent.bytes() + net.output.bytes(); });
  nb::class_<WaveGruStream>(m, "WaveGRUStream")
      .def(nb::init<std::shared_ptr<const WaveGru>, uint64_t, int>(), nb::arg("net"), nb::arg("seed"),
           nb::arg("threads"))
      .def("push", &push, nb::arg("features"), nb::arg("last"))
      .def("force", &force, nb::arg("features"), nb::arg("codes"));
}

}  // namespace apus
