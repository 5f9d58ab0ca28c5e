#include "bind/arrays.h"

#include <string>

namespace nb = nanobind;

namespace apus {
namespace {

// Whether a format of Python's struct module is this dtype.
bool is_format(const char* format, Dtype dtype) {
  if (*format == '@' || *format == '=' || *format == '<') ++format;
  if (*format == '\0' || format[1] != '\0') return false;
  constexpr bool kLongIs64 = sizeof(long) == 8;
  switch (dtype) {
    case Dtype::float32:
      return *format == 'f';
    case Dtype::uint8:
      return *format == 'B';
    case Dtype::int8:
      return *format == 'b';
    case Dtype::int32:
      return *format == 'i' || (*format == 'l' && !kLongIs64);
    case Dtype::int64:
      return *format == 'q' || (*format == 'l' && kLongIs64);
    case Dtype::float64:
      return *format == 'd';
    case Dtype::float16:
      return *format == 'e';
    case Dtype::int16:
      return *format == 'h';
    case Dtype::uint16:
      return *format == 'H';
    case Dtype::uint32:
      return *format == 'I' || (*format == 'L' && !kLongIs64);
    case Dtype::uint64:
      return *format == 'Q' || (*format == 'L' && kLongIs64);
    case Dtype::boolean:
      return *format == '?';
  }
  return false;
}

bool is_aligned(const Py_buffer& view, Dtype dtype) {
  return reinterpret_cast<uintptr_t>(view.buf) % static_cast<uintptr_t>(dtype_size(dtype)) == 0;
}

const char* format_of(const Py_buffer& view) { return view.format == nullptr ? "B" : view.format; }

[[noreturn]] void refuse(const Value& value, const std::string& what) {
  throw Error(ErrorKind::run, "input '" + value.name + "': " + what);
}

}  // namespace

void take_input(ArrayViews& views, PyObject* array, const Value& value) {
  if (!views.take(array, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)) {
    PyErr_Clear();
    refuse(value, "must be a C-contiguous array (numpy.ascontiguousarray makes one)");
  }
  const Py_buffer& view = views.last();
  const char* format = format_of(view);
  if (!is_format(format, value.dtype))
    refuse(value,
           std::string("has elements of struct code '") + format + "', the model takes " + dtype_name(value.dtype));
  if (!is_aligned(view, value.dtype)) refuse(value, "is not aligned to its dtype (copy the array)");
}

bool take_plain_input(ArrayViews& views, PyObject* array, const Value& value) {
  static PyObject* const plain = nb::object(nb::module_::import_("numpy").attr("ndarray")).release().ptr();
  if (reinterpret_cast<PyObject*>(Py_TYPE(array)) != plain) return false;
  if (!views.take(array, PyBUF_C_CONTIGUOUS | PyBUF_FORMAT)) {
    PyErr_Clear();
    return false;
  }
  return is_format(format_of(views.last()), value.dtype) && is_aligned(views.last(), value.dtype);
}

nb::object empty_array(Dtype dtype, const Shape& shape) {
  // Kept for the life of the process: looking them up costs more than the call.
  static PyObject* const empty = nb::object(nb::module_::import_("numpy").attr("empty")).release().ptr();
  static PyObject* dtypes[kDtypeCount] = {};
  PyObject*& type = dtypes[static_cast<int>(dtype)];
  if (type == nullptr) type = nb::module_::import_("numpy").attr("dtype")(dtype_name(dtype)).release().ptr();
  nb::object sizes = nb::steal(PyTuple_New(static_cast<Py_ssize_t>(shape.size())));
  for (size_t i = 0; i < shape.size(); ++i)
    PyTuple_SET_ITEM(sizes.ptr(), static_cast<Py_ssize_t>(i), PyLong_FromLongLong(shape[i]));
  PyObject* arguments[] = {sizes.ptr(), type};
  nb::object array = nb::steal(PyObject_Vectorcall(empty, arguments, 2, nullptr));
  if (!array.is_valid()) throw nb::python_error();
  return array;
}

}  // namespace apus
