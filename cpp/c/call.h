// A run as C asks for it: arrays by name, matched with the model and checked before anything is read.
#pragma once

#include <memory>
#include <vector>

#include "c/apus.h"
#include "engine/session.h"

namespace apus {

// One call: the caller's arrays in the model's order, and the plan for their shapes.
class Call {
 public:
  // Checks names, dtypes and shapes, and fills in what the outputs take. Throws Refusal or Error.
  Call(Session& session, const apus_input* inputs, size_t input_count, apus_output* outputs, size_t output_count);
  // Checks data and buffers, then runs. Once only.
  void run();

 private:
  const Value& input_value(size_t i) const { return model_.values[static_cast<size_t>(model_.inputs[i])]; }
  const Value& output_value(size_t i) const { return model_.values[static_cast<size_t>(model_.outputs[i])]; }
  const apus_input& input(size_t i) const { return inputs_[input_places_[i]]; }
  size_t output_bytes(size_t i) const;
  void measure(size_t i);
  // Where the run writes output i: the caller's buffer, or memory of this call if the caller does not want it.
  void* buffer(size_t i);

  Session& session_;
  const Model& model_;
  const apus_input* inputs_;
  apus_output* outputs_;
  // Per input and output of the model, which of the caller's it is; kAbsent where none is.
  std::vector<size_t> input_places_, output_places_;
  std::vector<std::unique_ptr<uint8_t[]>> unwanted_;
  std::shared_ptr<Plan> plan_;
};

}  // namespace apus
