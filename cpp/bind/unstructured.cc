#include "bind/unstructured.h"

#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "bind/run.h"
#include "kernels/conv_slots/conv_slots.h"
#include "kernels/conv_unstructured/conv_unstructured.h"
#include "kernels/linear_slots/linear_slots.h"
#include "kernels/linear_unstructured/linear_unstructured.h"

namespace apus {
namespace {

UnstructuredWeights weights_of(const std::vector<int64_t>& shape, const Input& starts, const Input& columns,
                               const Input& values, const std::optional<Input>& bias,
                               const std::optional<Input>& multiplier) {
  UnstructuredWeights w;
  w.outputs = shape.at(0), w.inputs = shape.at(1), w.groups = shape.at(2);
  w.rows = static_cast<const uint32_t*>(starts.data());
  w.columns = columns.data();
  w.wide_columns = columns.itemsize() == 4;
  w.values = values.data();
  w.bias = data_or_null(bias);
  w.multiplier = static_cast<const float*>(data_or_null(multiplier));
  return w;
}

// A convolution where there is a window, else `rows` rows of a linear layer by `road`, planes or slots; None where that
// cannot be.
nb::object py_unstructured(const Input& x, const Output& y, const std::string& road, const std::vector<int64_t>& window,
                           int64_t rows, const std::vector<int64_t>& shape, const Input& starts, const Input& columns,
                           const Input& values, const std::optional<Input>& bias,
                           const std::optional<Input>& multiplier, const Options& o) {
  const UnstructuredWeights w = weights_of(shape, starts, columns, values, bias, multiplier);
  const Epilogue epilogue = epilogue_of(x, y, o);
  const Isa isa = isa_named(o.isa);
  if (!window.empty()) {
    const Window of = window_of(window);
    if (road == "slots" && ConvSlots::serves(w, of, epilogue, isa))
      return run(ConvSlots(w, of, epilogue, isa, o.parts), x, y, o);
    if (road == "planes" && ConvUnstructured::serves(w, of, epilogue))
      return run(ConvUnstructured(w, of, epilogue, isa, o.parts), x, y, o);
    return nb::none();
  }
  if (road == "planes" && LinearUnstructured::serves(w, epilogue))
    return run(LinearUnstructured(w, rows, epilogue, isa, o.parts), x, y, o);
  if (road == "slots" && LinearSlots::serves(w, epilogue, isa))
    return run(LinearSlots(w, rows, epilogue, isa, o.parts), x, y, o);
  return nb::none();
}

}  // namespace

void bind_unstructured(nb::module_& m) {
  m.def("unstructured", &py_unstructured, nb::arg("x"), nb::arg("y"), nb::arg("road"), nb::arg("window"),
        nb::arg("rows"), nb::arg("shape"), nb::arg("starts"), nb::arg("columns"), nb::arg("values"),
        nb::arg("bias").none(), nb::arg("multiplier").none(), nb::arg("options"));
}

}  // namespace apus
