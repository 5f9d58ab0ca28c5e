#include "engine/fields.h"

#include <cmath>

#include "base/error.h"
#include "engine/schema.h"

namespace apus {

Fields::Fields(const Json& object, std::string owner) : object_(object), owner_(std::move(owner)) {
  if (object.kind != Json::Kind::object) fail(std::string("must be an object, is ") + json_kind_name(object.kind));
}

void Fields::fail(const std::string& what) const { throw Error(ErrorKind::artifact, owner_ + ": " + what); }

void Fields::allow_only(std::string_view known) const {
  for (const Json& item : object_.items)
    if (!is_word_of(known, item.key)) fail("unknown key '" + std::string(item.key) + "'");
}

const Json& Fields::get(std::string_view key, Json::Kind kind) const {
  const Json* json = object_.find(key);
  if (json == nullptr) fail("lacks '" + std::string(key) + "'");
  if (json->kind != kind)
    fail("'" + std::string(key) + "' must be " + json_kind_name(kind) + ", is " + json_kind_name(json->kind));
  return *json;
}

std::string Fields::text(std::string_view key) const { return std::string(get(key, Json::Kind::string).text); }

int64_t Fields::integer_of(const Json& json, std::string_view key, int64_t low, int64_t high) const {
  if (json.kind != Json::Kind::integer)
    fail("'" + std::string(key) + "' must be an integer, is " + json_kind_name(json.kind));
  if (json.integer < low || json.integer > high)
    fail("'" + std::string(key) + "' is " + std::to_string(json.integer) + ", must lie in " + std::to_string(low) +
         ".." + std::to_string(high));
  return json.integer;
}

float Fields::real_of(const Json& json, std::string_view key) const {
  if (json.kind != Json::Kind::integer && json.kind != Json::Kind::real)
    fail("'" + std::string(key) + "' must be a number, is " + json_kind_name(json.kind));
  const float value = static_cast<float>(json.real);
  if (!std::isfinite(value)) fail("'" + std::string(key) + "' is not finite as float32");
  return value;
}

int64_t Fields::integer(std::string_view key, int64_t low, int64_t high) const {
  return integer_of(get(key, Json::Kind::integer), key, low, high);
}

float Fields::real(std::string_view key) const {
  const Json* json = object_.find(key);
  if (json == nullptr) fail("lacks '" + std::string(key) + "'");
  return real_of(*json, key);
}

std::vector<int64_t> Fields::integers(std::string_view key, int64_t low, int64_t high) const {
  std::vector<int64_t> list;
  for (const Json& item : get(key, Json::Kind::array).items) list.push_back(integer_of(item, key, low, high));
  return list;
}

std::vector<std::string_view> Fields::texts(std::string_view key) const {
  std::vector<std::string_view> list;
  for (const Json& item : get(key, Json::Kind::array).items) {
    if (item.kind != Json::Kind::string)
      fail("'" + std::string(key) + "' must list strings, has " + json_kind_name(item.kind));
    list.push_back(item.text);
  }
  return list;
}

}  // namespace apus
