// The Python module apus._native: checks and conversions, no arithmetic.
#include <nanobind/nanobind.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/cpu.h"
#include "base/crc32c.h"
#include "bind/errors.h"
#include "bind/kernels.h"
#include "bind/session.h"
#include "bind/spectral.h"
#include "bind/wavegru.h"

namespace nb = nanobind;

namespace apus {
namespace {

// Holds a C-contiguous view of any bytes-like object.
class BytesView {
 public:
  explicit BytesView(nb::handle object) {
    if (PyObject_GetBuffer(object.ptr(), &view_, PyBUF_SIMPLE) != 0) throw nb::python_error();
  }
  ~BytesView() { PyBuffer_Release(&view_); }
  BytesView(const BytesView&) = delete;
  BytesView& operator=(const BytesView&) = delete;
  const void* data() const { return view_.buf; }
  size_t size() const { return static_cast<size_t>(view_.len); }

 private:
  Py_buffer view_;
};

uint32_t py_crc32c(nb::handle data, uint32_t seed) {
  BytesView view(data);
  nb::gil_scoped_release release;
  return crc32c(view.data(), view.size(), seed);
}

nb::dict py_cpu() {
  const CpuInfo& info = cpu_info();
  nb::dict d;
  d["brand"] = info.brand;
  d["features"] = info.features;
  d["l1d"] = info.l1d;
  d["l2"] = info.l2;
  d["l3"] = info.l3;
  d["cores"] = usable_cores();
  return d;
}

}  // namespace
}  // namespace apus

NB_MODULE(_native, m) {
  m.doc() = "The C++ engine of Apus. Use it through apus.runtime and apus.artifact.";
  apus::bind_errors(m);
  m.def("crc32c", &apus::py_crc32c, nb::arg("data"), nb::arg("seed") = 0);
  m.def("isa", [] { return std::string(apus::isa_name(apus::active_isa())); });
  m.def("isas", &apus::available_isas);
  m.def("cpu", &apus::py_cpu);
  apus::bind_session(m);
  apus::bind_kernels(m);
  apus::bind_spectral(m);
  apus::bind_wavegru(m);
}
