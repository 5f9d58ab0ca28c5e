#include "bind/unstructured.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/run.h"
#include "kernels/conv_unstructured/conv_unstructured.h"
#include "kernels/linear_unstructured/linear_unstructured.h"

namespace apus {
namespace {

// Single weights over planes: a convolution where there is a window, else `rows` rows of a linear layer.
nb::dict py_unstructured(const Input& x, const Output& y, const std::vector<int64_t>& window, int64_t rows,
                         const std::vector<int64_t>& shape, const Input& starts, const Input& columns,
                         const Input& values, const std::optional<Input>& bias, const Options& o) {
  UnstructuredWeights w;
  w.outputs = shape.at(0), w.inputs = shape.at(1), w.groups = shape.at(2);
  w.rows = static_cast<const uint32_t*>(starts.data());
  w.columns = columns.data();
  w.wide_columns = columns.itemsize() == 4;
  w.values = values.data();
  w.bias = data_or_null(bias);
  const Isa isa = isa_named(o.isa);
  if (window.empty()) return run(LinearUnstructured(w, rows, epilogue_of(x, y, o), isa, o.parts), x, y, o);
  return run(ConvUnstructured(w, window_of(window), epilogue_of(x, y, o), isa, o.parts), x, y, o);
}

}  // namespace

void bind_unstructured(nb::module_& m) {
  m.def("unstructured", &py_unstructured, nb::arg("x"), nb::arg("y"), nb::arg("window"), nb::arg("rows"),
        nb::arg("shape"), nb::arg("starts"), nb::arg("columns"), nb::arg("values"), nb::arg("bias").none(),
        nb::arg("options"));
}

}  // namespace apus
