#include "engine/model.h"

#include <cmath>

#include "engine/schema.h"

namespace apus {
namespace {

struct DtypeRow {
  const char* name;
  int size;
};

constexpr DtypeRow kDtypes[] = {{"float32", 4}, {"uint8", 1},   {"int8", 1},  {"int32", 4},  {"int64", 8},
                                {"bool", 1},    {"float64", 8}, {"int16", 2}, {"uint16", 2}, {"uint32", 4}};

float default_alpha(Unary function) {
  if (function == Unary::leaky_relu) return 0.01f;
  return function == Unary::hard_sigmoid ? 0.2f : 1.0f;
}

}  // namespace

const char* dtype_name(Dtype dtype) { return kDtypes[static_cast<int>(dtype)].name; }

int dtype_size(Dtype dtype) { return kDtypes[static_cast<int>(dtype)].size; }

bool parse_dtype(std::string_view name, Dtype& out) {
  for (int i = 0; i < static_cast<int>(std::size(kDtypes)); ++i) {
    if (name != kDtypes[i].name) continue;
    out = static_cast<Dtype>(i);
    return true;
  }
  return false;
}

UnaryParameters Attributes::unary_parameters() const {
  return {std::isnan(alpha) ? default_alpha(unary) : alpha, std::isnan(beta) ? 0.5f : beta, low, high};
}

std::string Node::title() const { return std::string(schema_of(op).name) + " '" + name + "'"; }

}  // namespace apus
