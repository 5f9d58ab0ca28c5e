#include "bind/errors.h"

#include "base/error.h"

namespace nb = nanobind;

namespace apus {
namespace {

const char* class_name(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::artifact:
      return "ArtifactError";
    case ErrorKind::run:
      return "RunError";
    default:
      return "IsaError";
  }
}

void raise(const Error& error) {
  if (error.kind() == ErrorKind::missing_file) {
    PyErr_SetString(PyExc_FileNotFoundError, error.what());
    return;
  }
  nb::object type = nb::module_::import_("apus.errors").attr(class_name(error.kind()));
  PyErr_SetString(type.ptr(), error.what());
}

}  // namespace

void bind_errors(nb::module_&) {
  nb::register_exception_translator([](const std::exception_ptr& pointer, void*) {
    try {
      std::rethrow_exception(pointer);
    } catch (const Error& error) {
      raise(error);
    }
  });
}

}  // namespace apus
