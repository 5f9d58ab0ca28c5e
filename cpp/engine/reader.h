// The steps of reading, in order. Each leaves a Model of which it has checked its part of SPEC.md §6.
#pragma once

#include <span>
#include <string>
#include <unordered_map>

#include "engine/fields.h"
#include "engine/model.h"

namespace apus {

// Name -> operand; values and tensors share one namespace.
using Names = std::unordered_map<std::string_view, Operand>;

void read_tensors(const Json& json, std::span<const uint8_t> payload, Model& model);  // rules 3, 4
void read_values(const Json& json, Model& model);                                     // rules 2, 3
void read_nodes(const Json& nodes, const Names& names, Model& model);                 // rules 5, 6
Attributes read_attributes(Op op, const Fields& fields);                              // rule 6
void read_segments(const Json& json, const Names& names, Model& model);               // §7
void check_types(const Model& model, const Node& node);                               // rules 6, 7
void check_weights(const Model& model, const Node& node);                             // rule 8

// A part of a file: shares its bytes, has no segments of its own.
std::shared_ptr<const Model> read_part(std::shared_ptr<FileBytes> file, std::span<const uint8_t> bytes);

// Moves the tensors out of the bytes that they were read from: to where one of `others` has the same, else to memory of
// the model's own.
void share_tensors(Model& model, std::span<const std::shared_ptr<const Model>> others);

// What an operand is, whether value or tensor.
Dtype operand_dtype(const Model& model, Operand operand);
size_t operand_rank(const Model& model, Operand operand);

}  // namespace apus
