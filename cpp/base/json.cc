#include "base/json.h"

#include <locale.h>
#include <stdlib.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/utf8.h"

namespace apus {
namespace {

constexpr int kMaxDepth = 64;

double parse_slowly(std::string_view literal) {
  static const locale_t c_locale = newlocale(LC_ALL_MASK, "C", nullptr);
  return strtod_l(std::string(literal).c_str(), nullptr, c_locale);
}

class Parser {
 public:
  Parser(std::string_view text, std::deque<std::string>& decoded) : text_(text), decoded_(decoded) {}

  Json document() {
    Json root = value(0);
    skip_space();
    if (at_ != text_.size()) fail("text after the end");
    return root;
  }

 private:
  [[noreturn]] void fail(const std::string& what) const {
    throw Error(ErrorKind::artifact, "JSON, byte " + std::to_string(at_) + ": " + what);
  }

  char peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }

  void skip_space() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n' || text_[at_] == '\t' || text_[at_] == '\r'))
      ++at_;
  }

  bool take(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    skip_space();
    if (!take(c)) fail(std::string("expected '") + c + "'");
  }

  Json value(int depth) {
    skip_space();
    switch (peek()) {
      case '{':
        return object(depth + 1);
      case '[':
        return array(depth + 1);
      case '"':
        return string();
      case 't':
        return word("true", Json::Kind::boolean, true);
      case 'f':
        return word("false", Json::Kind::boolean, false);
      case 'n':
        return word("null", Json::Kind::null, false);
      default:
        return number();
    }
  }

  Json word(std::string_view text, Json::Kind kind, bool boolean) {
    if (text_.substr(at_, text.size()) != text) fail("unknown word");
    at_ += text.size();
    Json json;
    json.kind = kind;
    json.boolean = boolean;
    return json;
  }

  Json array(int depth) {
    if (depth > kMaxDepth) fail("deeper than 64");
    Json json;
    json.kind = Json::Kind::array;
    expect('[');
    skip_space();
    if (take(']')) return json;
    do json.items.push_back(value(depth));
    while (skip_space(), take(','));
    expect(']');
    return json;
  }

  Json object(int depth) {
    if (depth > kMaxDepth) fail("deeper than 64");
    Json json;
    json.kind = Json::Kind::object;
    const size_t begin = at_;
    expect('{');
    skip_space();
    if (!take('}')) {
      do json.items.push_back(member(depth));
      while (skip_space(), take(','));
      expect('}');
    }
    json.source = text_.substr(begin, at_ - begin);
    refuse_duplicates(json);
    return json;
  }

  Json member(int depth) {
    skip_space();
    const std::string_view key = string().text;
    expect(':');
    Json json = value(depth);
    json.key = key;
    return json;
  }

  void refuse_duplicates(const Json& object) const {
    std::vector<std::string_view> keys;
    keys.reserve(object.items.size());
    for (const Json& item : object.items) keys.push_back(item.key);
    std::sort(keys.begin(), keys.end());
    const auto twin = std::adjacent_find(keys.begin(), keys.end());
    if (twin != keys.end()) fail("duplicate key '" + std::string(*twin) + "'");
  }

  void digits() {
    const size_t begin = at_;
    while (peek() >= '0' && peek() <= '9') ++at_;
    if (at_ == begin) fail("expected a digit");
  }

  Json number() {
    const size_t begin = at_;
    take('-');
    if (!take('0')) digits();
    bool whole = true;
    if (take('.')) {
      whole = false;
      digits();
    }
    if (peek() == 'e' || peek() == 'E') {
      whole = false;
      ++at_;
      if (!take('+')) take('-');
      digits();
    }
    return number_of(text_.substr(begin, at_ - begin), whole);
  }

  Json number_of(std::string_view literal, bool whole) const {
    Json json;
    json.kind = Json::Kind::real;
    const char* end = literal.data() + literal.size();
    if (whole && std::from_chars(literal.data(), end, json.integer).ec == std::errc()) json.kind = Json::Kind::integer;
    // from_chars does not tell too large from too small; a number too small for a float64 is a legal zero.
    if (std::from_chars(literal.data(), end, json.real).ec != std::errc()) json.real = parse_slowly(literal);
    if (!std::isfinite(json.real)) fail("number is not finite");
    return json;
  }

  Json string() {
    if (!take('"')) fail("expected a string");
    const size_t begin = at_;
    bool escaped = false;
    while (peek() != '"' || at_ >= text_.size()) {
      if (at_ >= text_.size()) fail("unterminated string");
      if (static_cast<uint8_t>(text_[at_]) < 0x20) fail("control character in a string");
      if (text_[at_] == '\\') {
        escaped = true;
        if (++at_ >= text_.size()) fail("unterminated string");
      }
      const size_t length = utf8_length(text_, at_);
      if (length == 0) fail("invalid UTF-8");
      at_ += length;
    }
    Json json;
    json.kind = Json::Kind::string;
    json.text = text_.substr(begin, at_ - begin);
    ++at_;
    if (escaped) json.text = unescape(json.text);
    return json;
  }

  std::string_view unescape(std::string_view raw) {
    std::string& out = decoded_.emplace_back();
    for (size_t i = 0; i < raw.size();) {
      if (raw[i] != '\\') {
        out.push_back(raw[i++]);
      } else {
        i = escape(raw, i + 1, out);
      }
    }
    return out;
  }

  size_t escape(std::string_view raw, size_t i, std::string& out) const {
    constexpr std::string_view kFrom = "\"\\/bfnrt", kTo = "\"\\/\b\f\n\r\t";
    const size_t simple = kFrom.find(raw[i]);
    if (simple != std::string_view::npos) {
      out.push_back(kTo[simple]);
      return i + 1;
    }
    if (raw[i] != 'u') fail("unknown escape in the string before");
    uint32_t code = hex4(raw, i + 1);
    i += 5;
    if (code >= 0xDC00 && code < 0xE000) fail("lone surrogate in the string before");
    if (code >= 0xD800 && code < 0xDC00) {
      if (raw.substr(i, 2) != "\\u") fail("lone surrogate in the string before");
      const uint32_t low = hex4(raw, i + 2);
      if (low < 0xDC00 || low >= 0xE000) fail("lone surrogate in the string before");
      code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
      i += 6;
    }
    utf8_append(out, code);
    return i;
  }

  uint32_t hex4(std::string_view raw, size_t i) const {
    uint32_t code = 0;
    const std::string_view digits = raw.substr(std::min(i, raw.size()), 4);
    const auto [stop, error] = std::from_chars(digits.data(), digits.data() + digits.size(), code, 16);
    if (digits.size() != 4 || error != std::errc() || stop != digits.data() + 4)
      fail("bad \\u escape in the string before");
    return code;
  }

  std::string_view text_;
  std::deque<std::string>& decoded_;
  size_t at_ = 0;
};

}  // namespace

const Json* Json::find(std::string_view name) const {
  for (const Json& item : items)
    if (item.key == name) return &item;
  return nullptr;
}

const char* json_kind_name(Json::Kind kind) {
  constexpr const char* kNames[] = {"null", "a boolean", "an integer", "a number", "a string", "an array", "an object"};
  return kNames[static_cast<int>(kind)];
}

JsonDocument::JsonDocument(std::string_view text) { root_ = Parser(text, decoded_).document(); }

}  // namespace apus
