#include "base/dtype.h"

#include <iterator>

namespace apus {
namespace {

struct DtypeRow {
  const char* name;
  int size;
};

constexpr DtypeRow kDtypes[kDtypeCount] = {{"float32", 4}, {"uint8", 1},  {"int8", 1},    {"int32", 4},
                                           {"int64", 8},   {"bool", 1},   {"float64", 8}, {"int16", 2},
                                           {"uint16", 2},  {"uint32", 4}, {"uint64", 8},  {"float16", 2}};

}  // namespace

const char* dtype_name(Dtype dtype) { return kDtypes[static_cast<int>(dtype)].name; }

int dtype_size(Dtype dtype) { return kDtypes[static_cast<int>(dtype)].size; }

bool parse_dtype(std::string_view name, Dtype& out) {
  for (int i = 0; i < kDtypeCount; ++i) {
    if (name != kDtypes[i].name) continue;
    out = static_cast<Dtype>(i);
    return true;
  }
  return false;
}

}  // namespace apus
