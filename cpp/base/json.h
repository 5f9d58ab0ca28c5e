// Strict JSON (RFC 8259): valid UTF-8, no duplicate keys, no lone surrogates, depth <= 64, numbers finite as float64.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

namespace apus {

struct Json {
  enum class Kind : uint8_t { null, boolean, integer, real, string, array, object };

  Kind kind = Kind::null;
  bool boolean = false;
  int64_t integer = 0;      // only of a literal without fraction or exponent that fits
  double real = 0;          // of every number
  std::string_view key;     // where this is an object's member
  std::string_view text;    // of a string: decoded
  std::string_view source;  // of an object: its JSON text
  std::vector<Json> items;  // of an array or an object

  // An object's member, or nullptr.
  const Json* find(std::string_view name) const;
};

const char* json_kind_name(Json::Kind kind);

class JsonDocument {
 public:
  // `text` must outlive the document: strings without escapes are views of it. Throws Error(artifact) with the byte
  // offset.
  explicit JsonDocument(std::string_view text);
  const Json& root() const { return root_; }

 private:
  Json root_;
  std::deque<std::string> decoded_;
};

}  // namespace apus
