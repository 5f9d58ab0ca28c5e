#include "c/call.h"

#include <algorithm>
#include <string>

#include "base/checked.h"
#include "c/status.h"

namespace apus {
namespace {

// Place of `name` in `list`; the message offers what exists.
size_t place_of(const Model& model, const std::vector<int>& list, const char* name, const std::string& kind) {
  const std::string wanted = &required(name, (kind + "'s name").c_str());
  std::string names;
  for (size_t i = 0; i < list.size(); ++i) {
    const std::string& found = model.values[static_cast<size_t>(list[i])].name;
    if (found == wanted) return i;
    names += (i == 0 ? "'" : ", '") + found + "'";
  }
  refuse("no " + kind + " '" + wanted + "'; " + kind + "s are " + names);
}

constexpr size_t kAbsent = static_cast<size_t>(-1);

template <class Item>
std::vector<size_t> match(const Model& model, const std::vector<int>& list, const Item* items, size_t count,
                          const std::string& kind) {
  if (count > 0) required(items, (kind + "s").c_str());
  std::vector<size_t> places(list.size(), kAbsent);
  for (size_t i = 0; i < count; ++i) {
    size_t& place = places[place_of(model, list, items[i].name, kind)];
    if (place != kAbsent) refuse(kind + " '" + items[i].name + "' is given twice");
    place = i;
  }
  return places;
}

void check_aligned(const void* data, int size, const std::string& who) {
  if (reinterpret_cast<uintptr_t>(data) % static_cast<uintptr_t>(size) != 0)
    refuse(who + " is not aligned to its dtype's " + std::to_string(size) + " bytes");
}

bool mul_overflows(int64_t& product, int64_t by) { return __builtin_mul_overflow(product, by, &product); }

void check_input(const apus_input& input, const Value& value) {
  const std::string who = "input '" + value.name + "'";
  if (static_cast<int>(input.dtype) != static_cast<int>(value.dtype))
    refuse(who + " has dtype " + apus_dtype_name(input.dtype) + ", the model takes " + dtype_name(value.dtype));
  if (input.rank > APUS_MAX_RANK) refuse(who + " has rank " + std::to_string(input.rank) + ", at most 8");
  if (std::any_of(input.shape, input.shape + input.rank, [](int64_t d) { return d < 0; }))
    refuse(who + " has a negative dimension");
  int64_t bytes = dtype_size(value.dtype);
  if (std::any_of(input.shape, input.shape + input.rank, [&](int64_t d) { return mul_overflows(bytes, d); }))
    refuse(who + " has more bytes than 63 bits can count");
}

void check_data(const apus_input& input, const Value& value) {
  const std::string who = "input '" + value.name + "'";
  const int64_t wanted = checked_mul(checked_items({input.shape, input.rank}), dtype_size(value.dtype));
  if (static_cast<uint64_t>(wanted) != input.bytes)
    refuse(who + " takes " + std::to_string(wanted) + " bytes in this shape, its array has " +
           std::to_string(input.bytes));
  if (wanted > 0) required(static_cast<const uint8_t*>(input.data), (who + "'s data").c_str());
  check_aligned(input.data, dtype_size(value.dtype), who);
}

}  // namespace

Call::Call(Session& session, const apus_input* inputs, size_t input_count, apus_output* outputs, size_t output_count)
    : session_(session), model_(session.model()), inputs_(inputs), outputs_(outputs) {
  input_places_ = match(model_, model_.inputs, inputs, input_count, "input");
  output_places_ = match(model_, model_.outputs, outputs, output_count, "output");
  std::vector<ShapeView> shapes;
  for (size_t i = 0; i < input_places_.size(); ++i) {
    if (input_places_[i] == kAbsent) refuse("input '" + input_value(i).name + "' is missing");
    check_input(input(i), input_value(i));
    shapes.push_back({input(i).shape, input(i).rank});
  }
  plan_ = session.plan(shapes);
  for (size_t i = 0; i < output_places_.size(); ++i)
    if (output_places_[i] != kAbsent) measure(i);
}

void Call::run() {
  std::vector<const void*> from;
  std::vector<void*> to;
  for (size_t i = 0; i < input_places_.size(); ++i) {
    check_data(input(i), input_value(i));
    from.push_back(input(i).data);
  }
  for (size_t i = 0; i < output_places_.size(); ++i) to.push_back(buffer(i));
  session_.run(*plan_, from.data(), to.data());
}

size_t Call::output_bytes(size_t i) const {
  return static_cast<size_t>(checked_mul(checked_items(plan_->output_shapes()[i]), dtype_size(output_value(i).dtype)));
}

void Call::measure(size_t i) {
  apus_output& output = outputs_[output_places_[i]];
  const Shape& shape = plan_->output_shapes()[i];
  if (shape.size() > APUS_MAX_RANK) refuse("output '" + output_value(i).name + "' has more than 8 dimensions");
  output.dtype = static_cast<apus_dtype>(output_value(i).dtype);
  output.rank = shape.size();
  std::copy(shape.begin(), shape.end(), output.shape);
  output.bytes = output_bytes(i);
}

void* Call::buffer(size_t i) {
  if (output_places_[i] == kAbsent) return unwanted_.emplace_back(new uint8_t[output_bytes(i) + 1]).get();
  const apus_output& output = outputs_[output_places_[i]];
  const std::string who = "output '" + output_value(i).name + "'";
  if (output.capacity < output.bytes)
    throw Refusal{APUS_SMALL_BUFFER, who + " takes " + std::to_string(output.bytes) + " bytes, its buffer has " +
                                         std::to_string(output.capacity)};
  if (output.bytes > 0) required(static_cast<uint8_t*>(output.data), (who + "'s data").c_str());
  check_aligned(output.data, dtype_size(output_value(i).dtype), who);
  return output.data;
}

}  // namespace apus
