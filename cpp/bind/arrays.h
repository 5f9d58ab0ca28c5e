// NumPy arrays by the buffer protocol: nothing is copied, and NumPy's headers are not needed.
#pragma once

#include <nanobind/nanobind.h>

#include <array>
#include <vector>

#include "engine/session.h"

namespace apus {

// Buffer views, released together. Up to 8 live without the heap.
class ArrayViews {
 public:
  explicit ArrayViews(size_t count) : views_(few_.data()) {
    if (count <= few_.size()) return;
    more_.resize(count);
    views_ = more_.data();
  }
  ~ArrayViews() {
    for (size_t i = 0; i < held_; ++i) PyBuffer_Release(&views_[i]);
  }
  ArrayViews(const ArrayViews&) = delete;
  ArrayViews& operator=(const ArrayViews&) = delete;

  // False, with a Python error set, if the object gives no such view.
  bool take(PyObject* object, int flags) {
    if (PyObject_GetBuffer(object, &views_[held_], flags) != 0) return false;
    ++held_;
    return true;
  }
  const Py_buffer& operator[](size_t i) const { return views_[i]; }
  const Py_buffer& last() const { return views_[held_ - 1]; }

 private:
  size_t held_ = 0;
  Py_buffer* views_;
  std::array<Py_buffer, 8> few_;
  std::vector<Py_buffer> more_;
};

// Takes a view of a graph input; throws Error(run) unless it is a C-contiguous array of the value's dtype.
void take_input(ArrayViews& views, PyObject* array, const Value& value);

// The same of what is plainly a NumPy array that fits; false otherwise, without a Python error.
bool take_plain_input(ArrayViews& views, PyObject* array, const Value& value);

// A fresh array of that dtype and shape.
nanobind::object empty_array(Dtype dtype, const Shape& shape);

}  // namespace apus
