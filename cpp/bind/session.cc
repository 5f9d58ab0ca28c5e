#include "engine/session.h"

#include <nanobind/nanobind.h>
#include <nanobind/stl/shared_ptr.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include "base/cpu.h"
#include "bind/arrays.h"
#include "bind/session.h"

namespace nb = nanobind;

namespace apus {
namespace {

// Python's view of an immutable model; the class exists so that the binding may hold it without const.
struct PyModel {
  std::shared_ptr<const Model> model;
};

nb::list describe_values(const Model& model, const std::vector<int>& list) {
  nb::list result;
  for (int index : list) {
    const Value& value = model.values[static_cast<size_t>(index)];
    nb::list shape;
    for (const Dim& d : value.shape) d.size < 0 ? shape.append(d.symbol) : shape.append(d.size);
    result.append(nb::make_tuple(value.name, dtype_name(value.dtype), shape));
  }
  return result;
}

// (part or None, the part's bytes if it is ONNX Runtime's, inputs, outputs, nodes, why) of each.
nb::list describe_segments(const PyModel& m) {
  nb::list result;
  for (const Segment& segment : m.model->segments) {
    nb::list ends[2];
    for (int value : segment.inputs) ends[0].append(m.model->values[static_cast<size_t>(value)].name);
    for (int value : segment.outputs) ends[1].append(m.model->values[static_cast<size_t>(value)].name);
    nb::object part = segment.part ? nb::cast(PyModel{segment.part}) : nb::none();
    nb::bytes data(segment.part ? "" : reinterpret_cast<const char*>(segment.data.data()),
                   segment.part ? 0 : segment.data.size());
    result.append(nb::make_tuple(part, data, ends[0], ends[1], segment.nodes, segment.why));
  }
  return result;
}

PyModel model_from_bytes(nb::handle data, const std::vector<PyModel>& others) {
  ArrayViews view(1);
  if (!view.take(data.ptr(), PyBUF_SIMPLE)) throw nb::python_error();
  std::vector<std::shared_ptr<const Model>> lenders;
  for (const PyModel& other : others) lenders.push_back(other.model);
  nb::gil_scoped_release release;
  return {read_model_bytes(view[0].buf, static_cast<size_t>(view[0].len), lenders)};
}

PyModel model_from_file(const std::string& path) {
  nb::gil_scoped_release release;
  return {read_model_file(path)};
}

// One call of run or profile: the caller's arrays, the plan, and fresh results.
class Call {
 public:
  explicit Call(Session& session)
      : session_(session), inputs_(session.model().inputs.size()), outputs_(session.model().outputs.size()) {}

  Call(Session& session, nb::list arrays) : Call(session) {
    const Model& model = session.model();
    if (arrays.size() != model.inputs.size())
      throw Error(ErrorKind::run, "the model takes " + std::to_string(model.inputs.size()) + " inputs, got " +
                                      std::to_string(arrays.size()));
    pointers_.reserve(model.inputs.size() + model.outputs.size());
    for (size_t i = 0; i < model.inputs.size(); ++i) {
      take_input(inputs_, PyList_GET_ITEM(arrays.ptr(), static_cast<Py_ssize_t>(i)),
                 model.values[static_cast<size_t>(model.inputs[i])]);
      note_input();
    }
    {
      nb::gil_scoped_release release;
      plan_ = session.plan(shapes_);
    }
    allocate_outputs(model);
  }

  // By name. False where an array does not plainly fit, or the shapes are new.
  bool take(nb::handle names, nb::dict feed) {
    const Model& model = session_.model();
    const size_t count = model.inputs.size();
    if (feed.size() != count || nb::len(names) != count) return false;
    pointers_.reserve(count + model.outputs.size());
    shapes_.reserve(count);
    for (size_t i = 0; i < count; ++i) {
      PyObject* array = PyDict_GetItemWithError(feed.ptr(), PyTuple_GET_ITEM(names.ptr(), static_cast<Py_ssize_t>(i)));
      const Value& value = model.values[static_cast<size_t>(model.inputs[i])];
      if (array == nullptr) PyErr_Clear();  // of a key that cannot be compared
      if (array == nullptr || !take_plain_input(inputs_, array, value)) return false;
      note_input();
    }
    plan_ = session_.known_plan(shapes_);
    if (plan_) allocate_outputs(model);
    return plan_ != nullptr;
  }

  Plan& plan() { return *plan_; }
  nb::list results() { return results_; }
  const void* const* input_pointers() const { return pointers_.data(); }
  void* const* output_pointers() const { return pointers_.data() + shapes_.size(); }

 private:
  void note_input() {
    const Py_buffer& view = inputs_.last();
    shapes_.push_back({reinterpret_cast<const int64_t*>(view.shape), static_cast<size_t>(view.ndim)});
    pointers_.push_back(view.buf);
  }

  void allocate_outputs(const Model& model) {
    for (size_t i = 0; i < model.outputs.size(); ++i) {
      nb::object array =
          empty_array(model.values[static_cast<size_t>(model.outputs[i])].dtype, plan_->output_shapes()[i]);
      if (!outputs_.take(array.ptr(), PyBUF_C_CONTIGUOUS | PyBUF_WRITABLE)) throw nb::python_error();
      pointers_.push_back(outputs_.last().buf);
      results_.append(std::move(array));
    }
  }

  Session& session_;
  ArrayViews inputs_, outputs_;
  std::vector<ShapeView> shapes_;
  std::vector<void*> pointers_;
  std::shared_ptr<Plan> plan_;
  nb::list results_;
};

nb::list run_call(Session& session, Call& call) {
  {
    nb::gil_scoped_release release;
    session.run(call.plan(), call.input_pointers(), call.output_pointers());
  }
  return call.results();
}

nb::list run(Session& session, nb::list arrays) {
  Call call(session, arrays);
  return run_call(session, call);
}

// The common case without a look at anything in Python; None: to be run the other way, which also says what is wrong.
nb::object run_feed(Session& session, nb::tuple names, nb::dict feed) {
  Call call(session);
  if (!call.take(names, feed)) return nb::none();
  return run_call(session, call);
}

nb::dict describe_node(const NodeReport& report) {
  nb::dict d;
  d["name"] = report.name;
  d["op"] = report.op;
  d["kernel"] = report.kernel;
  d["isa"] = isa_name(report.isa);
  d["threads"] = report.threads;
  d["density"] = report.density;
  d["imbalance"] = report.imbalance;
  d["weight_bytes"] = report.weight_bytes;
  d["macs"] = report.macs;
  d["nonzero_macs"] = report.nonzero_macs;
  d["shape"] = report.shape;
  d["why"] = report.why;
  nb::list options;
  for (const KernelOption& option : report.options) {
    nb::dict o;
    o["kernel"] = option.kernel;
    o["threads"] = option.threads;
    o["estimated_us"] = option.estimated_us;
    o["measured_us"] = option.measured_us;
    options.append(o);
  }
  d["options"] = options;
  return d;
}

nb::list profile(Session& session, nb::list arrays, int runs) {
  if (runs < 1) throw Error(ErrorKind::run, "runs must be at least 1, is " + std::to_string(runs));
  Call call(session, arrays);
  std::vector<double> seconds;
  {
    nb::gil_scoped_release release;
    seconds = session.profile(call.plan(), call.input_pointers(), call.output_pointers(), runs);
  }
  nb::list nodes;
  for (size_t i = 0; i < seconds.size(); ++i) {
    nb::dict node = describe_node(call.plan().reports()[i]);
    node["microseconds"] = seconds[i] * 1e6;
    nodes.append(node);
  }
  return nodes;
}

nb::list plan(Session& session, const std::vector<Shape>& shapes) {
  if (shapes.size() != session.model().inputs.size())
    throw Error(ErrorKind::run, "the model takes " + std::to_string(session.model().inputs.size()) + " inputs, got " +
                                    std::to_string(shapes.size()) + " shapes");
  std::vector<ShapeView> views;
  for (const Shape& shape : shapes) views.push_back({shape.data(), shape.size()});
  std::shared_ptr<Plan> found;
  {
    nb::gil_scoped_release release;
    found = session.plan(views);
  }
  nb::list nodes;
  for (const NodeReport& report : found->reports()) nodes.append(describe_node(report));
  return nodes;
}

}  // namespace

void bind_session(nb::module_& m) {
  nb::class_<PyModel>(m, "Model", "A validated .apus network; immutable.")
      .def_static("from_file", &model_from_file, nb::arg("path"))
      .def_static("from_bytes", &model_from_bytes, nb::arg("data"), nb::arg("others") = std::vector<PyModel>{})
      .def_prop_ro("inputs", [](const PyModel& m) { return describe_values(*m.model, m.model->inputs); })
      .def_prop_ro("outputs", [](const PyModel& m) { return describe_values(*m.model, m.model->outputs); })
      .def_prop_ro("segments", &describe_segments)
      .def_prop_ro("name", [](const PyModel& m) { return m.model->name; })
      .def_prop_ro("metadata", [](const PyModel& m) { return m.model->metadata; });
  nb::class_<Session>(m, "Session", "Runs a Model; safe to share among threads.")
      .def(
          "__init__",
          [](Session* self, const PyModel& model, int threads, double parallel_cycles, bool deterministic, bool fast) {
            const Accuracy accuracy = fast ? Accuracy::fast : Accuracy::accurate;
            new (self) Session(model.model, threads, parallel_cycles, deterministic, accuracy);
          },
          nb::arg("model"), nb::arg("threads"), nb::arg("parallel_cycles") = kPlanned, nb::arg("deterministic") = false,
          nb::arg("fast") = false)
      .def("run", &run, nb::arg("inputs"))
      .def("run_feed", &run_feed, nb::arg("names"), nb::arg("feed"))
      .def("profile", &profile, nb::arg("inputs"), nb::arg("runs"))
      .def("plan", &plan, nb::arg("inputs_shapes"))
      .def_prop_ro("threads", &Session::threads);
}

}  // namespace apus
