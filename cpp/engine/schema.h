// What each operator may have (SPEC.md §5), as one table.
#pragma once

#include <string_view>

#include "engine/model.h"

namespace apus {

struct Schema {
  const char* name;
  int min_inputs, max_inputs;
  const char* required;  // attributes, separated by spaces
  const char* optional;
  const char* roles;
};

const Schema& schema_of(Op op);

// The operator called `name`, or nullptr.
const Op* find_op(std::string_view name);

// Whether `word` is one of the space-separated `words`.
bool is_word_of(std::string_view words, std::string_view word);

const char* unary_name(Unary function);
bool parse_unary(std::string_view name, Unary& out);
bool parse_binary(std::string_view name, Binary& out);
bool parse_reduce(std::string_view name, Reduce& out);
bool parse_combine(std::string_view name, Combine& out);
bool parse_folding(std::string_view name, Folding& out);
// "none" is the identity.
bool parse_activation(std::string_view name, Unary& out);

extern const char* const kRoleNames[kRoleCount];

}  // namespace apus
