// Sound from spectra: arrays in, samples out. apus.runtime.spectral explains; shapes are checked here.
#include "bind/spectral.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>

#include <algorithm>
#include <string>

#include "base/cpu.h"
#include "base/error.h"
#include "kernels/spectral/spectral.h"

namespace nb = nanobind;

namespace apus {
namespace {

using Source = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Heads = nb::ndarray<const float, nb::ndim<2>, nb::c_contig, nb::device::cpu>;

[[noreturn]] void refuse(const std::string& what) { throw Error(ErrorKind::run, "SpectralSynthesis: " + what); }

SpectralSynthesis* make(int64_t hop, int64_t overlap, const std::string& isa) {
  if (!SpectralSynthesis::serves(hop, overlap)) {
    refuse("hop=" + std::to_string(hop) + ", overlap=" + std::to_string(overlap) +
           ": a frame has overlap (1 to 16) times hop samples, four times a number without prime factors above 5");
  }
  return new SpectralSynthesis(hop, overlap, std::min(active_isa(), available_isa(isa).value_or(active_isa())));
}

nb::ndarray<nb::numpy, float> run(const SpectralSynthesis& s, const Source& source, const Heads& heads, uint32_t seed) {
  const auto frames = static_cast<int64_t>(heads.shape(0)), samples = (frames + s.overlap()) * s.hop();
  if (static_cast<int64_t>(heads.shape(1)) != 5 * s.bins())
    refuse("heads have " + std::to_string(heads.shape(1)) + " columns; " + std::to_string(5 * s.bins()) +
           " are needed");
  if (static_cast<int64_t>(source.size()) != samples)
    refuse("the source has " + std::to_string(source.size()) + " samples; " + std::to_string(samples) + " are needed");
  const int64_t made = (frames + s.overlap() - 1) * s.hop();
  float* out = new float[static_cast<size_t>(made)];
  nb::capsule owner(out, [](void* p) noexcept { delete[] static_cast<float*>(p); });
  {
    nb::gil_scoped_release release;
    s.run(source.data(), heads.data(), frames, seed, out);
  }
  return nb::ndarray<nb::numpy, float>(out, {static_cast<size_t>(made)}, owner);
}

}  // namespace

void bind_spectral(nb::module_& m) {
  nb::class_<SpectralSynthesis>(m, "SpectralSynthesis")
      .def(nb::new_(&make), nb::arg("hop"), nb::arg("overlap"), nb::arg("isa"))
      .def_prop_ro("kernel", [](const SpectralSynthesis& s) { return std::string(s.kernel()); })
      .def("__call__", &run, nb::arg("source"), nb::arg("heads"), nb::arg("seed"));
}

}  // namespace apus
