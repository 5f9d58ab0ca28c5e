#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace apus {

// Bytes of the valid UTF-8 sequence that starts at `at` (1..4), or 0: overlong forms, surrogates and > U+10FFFF are
// invalid.
size_t utf8_length(std::string_view text, size_t at);

void utf8_append(std::string& out, uint32_t code_point);

}  // namespace apus
