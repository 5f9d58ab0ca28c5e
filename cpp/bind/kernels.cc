// Test and benchmark entries of the kernels. Arrays come as flat buffers with their geometry beside them; nothing is
// checked beyond types, so these are for tests/kernels and benchmarks alone.
#include "bind/kernels.h"

#include <nanobind/ndarray.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <cstring>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>

#include "base/cpu.h"
#include "bind/activations.h"
#include "bind/run.h"
#include "bind/unstructured.h"
#include "engine/calibrate.h"
#include "kernels/conv_block16/conv_block16.h"
#include "kernels/conv_block16/table.h"
#include "kernels/conv_dense/conv_dense.h"
#include "kernels/conv_depthwise/conv_depthwise.h"
#include "kernels/conv_depthwise/table.h"
#include "kernels/conv_depthwise_rows/conv_depthwise_rows.h"
#include "kernels/conv_depthwise_rows/table.h"
#include "kernels/conv_unstructured/table.h"
#include "kernels/linear_block16/linear_block16.h"
#include "kernels/linear_block16/table.h"
#include "kernels/linear_dense/linear_dense.h"
#include "kernels/linear_dense/table.h"
#include "kernels/linear_slots/table.h"
#include "kernels/linear_windows/linear_windows.h"
#include "kernels/linear_windows/table.h"
#include "kernels/matmul/matmul.h"
#include "kernels/roofline/roofline.h"

namespace nb = nanobind;

namespace apus {
namespace {

Block16Weights weights_of(const std::vector<int64_t>& shape, const Input& strips, const Input& columns,
                          const Input& values, const std::optional<Input>& bias,
                          const std::optional<Input>& multiplier) {
  Block16Weights w;
  w.outputs = shape.at(0), w.inputs = shape.at(1), w.groups = shape.at(2);
  w.strips = static_cast<const uint32_t*>(strips.data());
  w.columns = columns.data();
  w.wide_columns = columns.itemsize() == 4;
  w.runs = columns.ndim() == 1;
  w.bf16 = values.dtype() == nb::dtype<uint16_t>();
  if (values.dtype() == nb::dtype<uint8_t>()) w.bits = static_cast<int>(values.shape(1) / 8);
  w.values = values.data();
  w.bias = data_or_null(bias);
  w.multiplier = static_cast<const float*>(data_or_null(multiplier));
  return w;
}

nb::dict py_conv(const Input& x, const Output& y, const std::vector<int64_t>& window, const std::vector<int64_t>& shape,
                 const Input& strips, const Input& columns, const Input& values, const std::optional<Input>& bias,
                 const std::optional<Input>& multiplier, const Options& o) {
  const ConvBlock16 op(weights_of(shape, strips, columns, values, bias, multiplier), window_of(window),
                       epilogue_of(x, y, o), isa_named(o.isa), o.parts);
  return run(op, x, y, o);
}

// None where that cannot be.
nb::object py_conv_dense(const Input& x, const Output& y, const std::vector<int64_t>& window,
                         const std::vector<int64_t>& shape, const Input& strips, const Input& columns,
                         const Input& values, const std::optional<Input>& bias, const std::optional<Input>& multiplier,
                         const Options& o) {
  const Block16Weights weights = weights_of(shape, strips, columns, values, bias, multiplier);
  const Epilogue epilogue = epilogue_of(x, y, o);
  if (!ConvDense::serves(weights, window_of(window), epilogue, isa_named(o.isa))) return nb::none();
  return run(ConvDense(weights, window_of(window), epilogue, isa_named(o.isa), o.parts), x, y, o);
}

// `road`: rows, planes, windows or dense; None where that cannot be.
nb::object py_linear(const Input& x, const Output& y, const std::string& road, int64_t rows,
                     const std::vector<int64_t>& shape, const Input& strips, const Input& columns, const Input& values,
                     const std::optional<Input>& bias, const std::optional<Input>& multiplier, const Options& o) {
  const Block16Weights weights = weights_of(shape, strips, columns, values, bias, multiplier);
  const Epilogue epilogue = epilogue_of(x, y, o);
  const Isa isa = isa_named(o.isa);
  if (road == "windows") {
    if (!LinearWindows::serves(weights, epilogue, isa)) return nb::none();
    return run(LinearWindows(weights, rows, epilogue, isa, o.parts), x, y, o);
  }
  if (road == "dense") {
    if (!LinearDense::serves(weights, epilogue, isa)) return nb::none();
    return run(LinearDense(weights, rows, epilogue, isa, o.parts), x, y, o);
  }
  const auto walked = road == "rows" ? LinearBlock16::Road::rows : LinearBlock16::Road::planes;
  return run(LinearBlock16(weights, rows, epilogue, isa, o.parts, walked), x, y, o);
}

// `road`: positions or rows; None where that cannot be.
nb::object py_depthwise(const Input& x, const Output& y, const std::string& road, const std::vector<int64_t>& geometry,
                        int64_t outputs, const Input& values, const std::optional<Input>& bias,
                        const std::optional<Input>& multiplier, const Options& o) {
  const DepthwiseWeights weights{outputs, values.data(), data_or_null(bias),
                                 static_cast<const float*>(data_or_null(multiplier))};
  const Window window = window_of(geometry);
  const Epilogue epilogue = epilogue_of(x, y, o);
  const Isa isa = isa_named(o.isa);
  if (road == "positions") return run(ConvDepthwise(weights, window, epilogue, isa), x, y, o);
  if (!ConvDepthwiseRows::serves(window, epilogue, isa)) return nb::none();
  return run(ConvDepthwiseRows(weights, window, epilogue, isa), x, y, o);
}

// a [M, K], b [K, N]; rows are split into parts.
nb::dict py_matmul(const Input& a, const Input& b, const Output& y, const Options& o) {
  const int64_t M = a.shape(0), K = a.shape(1), N = b.shape(1);
  const Isa isa = isa_named(o.isa);
  const Scratch left(a.data(), a.nbytes()), right(b.data(), b.nbytes());
  const auto compute = [&] {
    for (int i = 0; i < o.parts; ++i) {
      const int64_t first = M * i / o.parts, last = M * (i + 1) / o.parts;
      matmul_kernel(isa)({static_cast<const float*>(left.data()) + first * K, static_cast<const float*>(right.data()),
                          static_cast<float*>(y.data()) + first * N, last - first, N, K, K, N, N});
    }
  };
  compute();
  nb::dict result;
  result["isa"] = isa_name(matmul_isa(isa));
  result["macs"] = M * N * K;
  result["compute_ns"] = time(o.repeat, compute);
  return result;
}

// MACs a nanosecond, and bytes a nanosecond read over and over from `bytes`; both 0 where the ISA has no row.
std::pair<double, double> py_roofline(const std::string& isa, bool int8, int64_t bytes) {
  const RooflineRow* row = int8 ? roofline_s8(isa_named(isa)) : roofline_f32(isa_named(isa));
  if (row == nullptr) return {0, 0};
  constexpr int64_t kSteps = 20000;
  const Scratch sink(64), source(bytes);
  std::memset(source.data(), 0, static_cast<size_t>(bytes));
  const double multiply = time(20, [&] { row->multiply(kSteps, sink.data()); });
  const double read = time(200, [&] { row->read(source.data(), bytes, sink.data()); });
  return {static_cast<double>(row->macs * kSteps) / multiply, static_cast<double>(bytes) / read};
}

// Median nanoseconds of a barrier among awake threads, and of a run that does nothing.
std::pair<double, double> py_barrier(int threads) {
  ThreadPool pool(threads);
  std::map<std::string, double> figures;
  calibrate_pool(pool, figures);
  return {figures["barrier " + std::to_string(threads)], figures["run " + std::to_string(threads)]};
}

// What so many threads multiply against one, at the same time and with nothing to share: how many cores they are.
// Hosts of virtual machines sometimes run two on one. 0 where the ISA has no row.
double py_cores(const std::string& isa, int threads) {
  const RooflineRow* row = roofline_f32(isa_named(isa));
  if (row == nullptr) return 0;
  constexpr int64_t kSteps = 100000;
  const auto job = [](void* r, int, int) {
    alignas(64) char sink[64];
    static_cast<const RooflineRow*>(r)->multiply(kSteps, sink);
  };
  ThreadPool pool(threads);
  void* const context = const_cast<RooflineRow*>(row);
  pool.run(job, context);
  const double all = time(3, [&] { pool.run(job, context); }), one = time(3, [&] { job(context, 0, 0); });
  return one * threads / all;
}

}  // namespace

void bind_kernels(nb::module_& native) {
  nb::module_ m = native.def_submodule("kernels", "Kernels one by one, for tests and benchmarks.");
  nb::class_<Options>(m, "Options")
      .def(
          "__init__",
          [](Options* o, const std::string& isa, float low, float high, int x_zero_point, int y_zero_point, int parts,
             int repeat) { new (o) Options{isa, low, high, x_zero_point, y_zero_point, parts, repeat}; },
          nb::kw_only(), nb::arg("isa"), nb::arg("low"), nb::arg("high"), nb::arg("x_zero_point") = 0,
          nb::arg("y_zero_point") = 0, nb::arg("parts") = 1, nb::arg("repeat") = 0);
  m.def("names", [] {
    std::vector<std::string> names;
    for (const auto rows : {conv_block16_kernels(), linear_block16_kernels(), conv_depthwise_kernels()}) {
      for (const StripKernelRow& row : rows) names.push_back(row.name);
    }
    for (const SingleKernelRow& row : conv_unstructured_kernels()) names.push_back(row.name);
    for (const SlotKernelRow& row : linear_slots_kernels()) names.push_back(row.name);
    for (const WindowKernelRow& row : linear_windows_kernels()) names.push_back(row.name);
    for (const DenseKernelRow& row : linear_dense_kernels()) names.push_back(row.name);
    for (const RowKernelRow& row : conv_depthwise_rows_kernels()) names.push_back(row.name);
    return names;
  });
  m.def("conv_block16", &py_conv, nb::arg("x"), nb::arg("y"), nb::arg("window"), nb::arg("shape"), nb::arg("strips"),
        nb::arg("columns"), nb::arg("values"), nb::arg("bias").none(), nb::arg("multiplier").none(),
        nb::arg("options"));
  m.def("conv_dense", &py_conv_dense, nb::arg("x"), nb::arg("y"), nb::arg("window"), nb::arg("shape"),
        nb::arg("strips"), nb::arg("columns"), nb::arg("values"), nb::arg("bias").none(), nb::arg("multiplier").none(),
        nb::arg("options"));
  m.def("linear_block16", &py_linear, nb::arg("x"), nb::arg("y"), nb::arg("road"), nb::arg("rows"), nb::arg("shape"),
        nb::arg("strips"), nb::arg("columns"), nb::arg("values"), nb::arg("bias").none(), nb::arg("multiplier").none(),
        nb::arg("options"));
  bind_unstructured(m);
  m.def("conv_depthwise", &py_depthwise, nb::arg("x"), nb::arg("y"), nb::arg("road"), nb::arg("window"),
        nb::arg("outputs"), nb::arg("values"), nb::arg("bias").none(), nb::arg("multiplier").none(),
        nb::arg("options"));
  m.def("roofline", &py_roofline, nb::arg("isa"), nb::arg("int8"), nb::arg("bytes"));
  m.def("cores", &py_cores, nb::arg("isa"), nb::arg("threads"));
  m.def("barrier", &py_barrier, nb::arg("threads"));
  bind_activations(m);
  m.def("matmul", &py_matmul, nb::arg("a"), nb::arg("b"), nb::arg("y"), nb::arg("options"));
}

}  // namespace apus
