// The two tables of names: tensors (with their bytes) and values.
#include <algorithm>

#include "base/buffer.h"
#include "base/checked.h"
#include "base/crc32c.h"
#include "engine/reader.h"

namespace apus {
namespace {

constexpr size_t kMaxRank = 8;

void check_rank(const Fields& fields, size_t rank) {
  if (rank > kMaxRank) fields.fail("has rank " + std::to_string(rank) + ", at most 8");
}

Dtype read_dtype(const Fields& fields) {
  Dtype dtype;
  const std::string name = fields.text("dtype");
  if (!parse_dtype(name, dtype)) fields.fail("unknown dtype '" + name + "'");
  return dtype;
}

// `end` is that of the tensor before; returns that of this one.
int64_t read_bytes(const Fields& fields, std::span<const uint8_t> payload, int64_t end, Tensor& tensor) {
  const int64_t begin = tensor.offset, size = static_cast<int64_t>(payload.size());
  if (begin != static_cast<int64_t>(align_up(static_cast<size_t>(end))))
    fields.fail("offset " + std::to_string(begin) + " is not the end of the tensor before, rounded up to 64");
  if (begin > size || tensor.length > size - begin) fields.fail("reaches beyond the payload");
  const auto gap = payload.subspan(static_cast<size_t>(end), static_cast<size_t>(begin - end));
  if (std::any_of(gap.begin(), gap.end(), [](uint8_t b) { return b != 0; }))
    fields.fail("the gap before it is not zero");
  tensor.data = payload.data() + begin;
  tensor.crc = static_cast<uint32_t>(fields.integer("crc", 0, UINT32_MAX));
  if (crc32c(tensor.data, static_cast<size_t>(tensor.length)) != tensor.crc)
    fields.fail("is damaged (CRC of the bytes at payload offset " + std::to_string(begin) + " differs)");
  return begin + tensor.length;
}

Tensor read_tensor(const Fields& fields) {
  fields.allow_only("dtype shape offset length crc");
  Tensor tensor;
  tensor.dtype = read_dtype(fields);
  tensor.shape = fields.integers("shape", 0, kInt32Max);
  check_rank(fields, tensor.shape.size());
  tensor.offset = fields.integer("offset", 0, INT64_MAX);
  tensor.length = fields.integer("length", 0, INT64_MAX);
  if (tensor.length != checked_mul(checked_items(tensor.shape), dtype_size(tensor.dtype)))
    fields.fail("length " + std::to_string(tensor.length) + " disagrees with dtype and shape");
  return tensor;
}

Dim read_dim(const Fields& fields, const Json& json) {
  if (json.kind == Json::Kind::string) {
    if (json.text.empty()) fields.fail("has a dimension with an empty name");
    return {-1, std::string(json.text)};
  }
  return {fields.integer_of(json, "shape", 0, kInt32Max), ""};
}

Value read_value(const Fields& fields) {
  fields.allow_only("dtype shape scale zero_point");
  Value value;
  value.dtype = read_dtype(fields);
  for (const Json& dim : fields.get("shape", Json::Kind::array).items) value.shape.push_back(read_dim(fields, dim));
  check_rank(fields, value.shape.size());
  value.quantised = fields.has("scale");
  if (fields.has("zero_point") != value.quantised) fields.fail("has one of scale and zero_point; they come together");
  if (!value.quantised) return value;
  if (value.dtype != Dtype::uint8) fields.fail("only uint8 may have a scale");
  value.scale = fields.real("scale");
  if (!(value.scale > 0)) fields.fail("scale must be > 0");
  value.zero_point = static_cast<int>(fields.integer("zero_point", 0, 255));
  return value;
}

}  // namespace

void read_tensors(const Json& json, std::span<const uint8_t> payload, Model& model) {
  int64_t end = 0;
  for (const Json& item : json.items) {
    const Fields fields(item, "tensor '" + std::string(item.key) + "'");
    Tensor tensor = read_tensor(fields);
    tensor.name = std::string(item.key);
    end = read_bytes(fields, payload, end, tensor);
    model.tensors.push_back(std::move(tensor));
  }
  if (end != static_cast<int64_t>(payload.size()))
    throw Error(ErrorKind::artifact, "the payload does not end with its last tensor");
}

void read_values(const Json& json, Model& model) {
  for (const Json& item : json.items) {
    Value value = read_value(Fields(item, "value '" + std::string(item.key) + "'"));
    value.name = std::string(item.key);
    model.values.push_back(std::move(value));
  }
}

}  // namespace apus
