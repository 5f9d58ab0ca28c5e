#include "kernels/gather/gather.h"

#include <cstring>

#include "kernels/gather/combine.h"

namespace apus {
namespace {

int64_t index_at(const void* indices, bool wide, int64_t i) {
  return wide ? static_cast<const int64_t*>(indices)[i] : static_cast<const int32_t*>(indices)[i];
}

// The index within 0..count-1, or -1 after noting the fault.
int64_t resolve(int64_t index, int64_t count, int64_t& fault) {
  const int64_t place = index < 0 ? index + count : index;
  if (place >= 0 && place < count) return place;
  if (fault == kNoFault) fault = index;
  return -1;
}

// Calls visit(element of the indices, offset into the array without the axis) for each element of `dims`.
template <class Visit>
void walk(const ElementWalk& w, Visit visit) {
  int64_t items = 1, base = 0;
  for (int64_t d : w.dims) items *= d;
  std::vector<int64_t> at(w.dims.size(), 0);
  for (int64_t i = 0; i < items; ++i) {
    visit(i, base);
    for (size_t d = w.dims.size(); d-- > 0;) {
      const int64_t stride = static_cast<int64_t>(d) == w.axis ? 0 : w.strides[d];
      base += stride;
      if (++at[d] < w.dims[d]) break;
      base -= stride * w.dims[d];
      at[d] = 0;
    }
  }
}

}  // namespace

int64_t GatherAxis::run(const void* x, const void* indices, void* y) const {
  int64_t fault = kNoFault;
  const size_t bytes = static_cast<size_t>(inner * element);
  uint8_t* to = static_cast<uint8_t*>(y);
  for (int64_t o = 0; o < outer; ++o) {
    const uint8_t* from = static_cast<const uint8_t*>(x) + o * count * inner * element;
    for (int64_t j = 0; j < n; ++j, to += bytes) {
      const int64_t place = resolve(index_at(indices, wide, j), count, fault);
      if (place < 0) {
        std::memset(to, 0, bytes);
      } else {
        std::memcpy(to, from + place * inner * element, bytes);
      }
    }
  }
  return fault;
}

int64_t ElementWalk::gather(const void* x, const void* indices, void* y) const {
  int64_t fault = kNoFault;
  const size_t bytes = static_cast<size_t>(element);
  walk(*this, [&](int64_t i, int64_t base) {
    const int64_t place = resolve(index_at(indices, wide, i), count, fault);
    uint8_t* to = static_cast<uint8_t*>(y) + i * element;
    std::memset(to, 0, bytes);
    if (place < 0) return;
    const int64_t from = base + place * strides[static_cast<size_t>(axis)];
    std::memcpy(to, static_cast<const uint8_t*>(x) + from * element, bytes);
  });
  return fault;
}

int64_t ElementWalk::scatter(void* y, const void* indices, const void* updates, Combine combine, Dtype dtype) const {
  int64_t fault = kNoFault;
  const CombineKernel put = combine_kernel(combine, dtype);
  walk(*this, [&](int64_t i, int64_t base) {
    const int64_t place = resolve(index_at(indices, wide, i), count, fault);
    if (place < 0) return;
    const int64_t to = base + place * strides[static_cast<size_t>(axis)];
    put(static_cast<uint8_t*>(y) + to * element, static_cast<const uint8_t*>(updates) + i * element, 1);
  });
  return fault;
}

int64_t TupleWalk::slices() const {
  int64_t count = 1;
  for (int64_t d : dims) count *= d;
  return count;
}

int64_t TupleWalk::place(const void* indices, int64_t tuple, int64_t& fault) const {
  int64_t slice = 0;
  const int64_t k = static_cast<int64_t>(dims.size());
  for (int64_t d = 0; d < k; ++d) {
    const int64_t size = dims[static_cast<size_t>(d)];
    const int64_t at = resolve(index_at(indices, wide, tuple * k + d), size, fault);
    if (at < 0) return -1;
    slice = slice * size + at;
  }
  return slice;
}

int64_t TupleWalk::gather(const void* x, const void* indices, void* y) const {
  int64_t fault = kNoFault;
  const int64_t bytes = inner * element;
  for (int64_t t = 0; t < batch * n; ++t) {
    const int64_t slice = place(indices, t, fault);
    uint8_t* to = static_cast<uint8_t*>(y) + t * bytes;
    if (slice < 0) {
      std::memset(to, 0, static_cast<size_t>(bytes));
    } else {
      const int64_t from = t / n * slices() + slice;
      std::memcpy(to, static_cast<const uint8_t*>(x) + from * bytes, static_cast<size_t>(bytes));
    }
  }
  return fault;
}

int64_t TupleWalk::scatter(void* y, const void* indices, const void* updates, Combine combine, Dtype dtype) const {
  int64_t fault = kNoFault;
  const CombineKernel put = combine_kernel(combine, dtype);
  const int64_t bytes = inner * element;
  for (int64_t t = 0; t < batch * n; ++t) {
    const int64_t slice = place(indices, t, fault);
    if (slice < 0) continue;
    put(static_cast<uint8_t*>(y) + (t / n * slices() + slice) * bytes, static_cast<const uint8_t*>(updates) + t * bytes,
        inner);
  }
  return fault;
}

}  // namespace apus
