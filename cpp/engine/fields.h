// Typed access to JSON fields; every failure names the thing that has the field.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"

namespace apus {

// An object of the file with the name that messages give it.
class Fields {
 public:
  Fields(const Json& object, std::string owner);

  const std::string& owner() const { return owner_; }
  const std::vector<Json>& items() const { return object_.items; }
  bool has(std::string_view key) const { return object_.find(key) != nullptr; }

  [[noreturn]] void fail(const std::string& what) const;
  // Refuses a key outside the space-separated `known`.
  void allow_only(std::string_view known) const;

  const Json& get(std::string_view key, Json::Kind kind) const;
  std::string text(std::string_view key) const;
  int64_t integer(std::string_view key, int64_t low, int64_t high) const;
  bool flag(std::string_view key) const { return integer(key, 0, 1) != 0; }
  float real(std::string_view key) const;
  std::vector<int64_t> integers(std::string_view key, int64_t low, int64_t high) const;
  std::vector<std::string_view> texts(std::string_view key) const;

  // Of a single JSON value.
  int64_t integer_of(const Json& json, std::string_view key, int64_t low, int64_t high) const;
  float real_of(const Json& json, std::string_view key) const;

 private:
  const Json& object_;
  std::string owner_;
};

inline constexpr int64_t kInt32Min = INT32_MIN, kInt32Max = INT32_MAX;

}  // namespace apus
