// The C face of the engine: no exception may leave it, and no arithmetic is done in it.
#include "c/apus.h"

#include <memory>
#include <string>

#include "base/cpu.h"
#include "c/call.h"
#include "c/status.h"
#include "engine/session.h"

struct apus_model {
  std::shared_ptr<const apus::Model> model;
};

struct apus_session {
  apus::Session session;
};

namespace apus {
namespace {

static_assert(static_cast<int>(Dtype::float32) == APUS_FLOAT32 && static_cast<int>(Dtype::boolean) == APUS_BOOL &&
              static_cast<int>(Dtype::float16) == APUS_FLOAT16);

void describe(const Value& value, apus_value& out) {
  out = {value.name.c_str(), static_cast<apus_dtype>(value.dtype), value.shape.size(), {}, {}};
  for (size_t i = 0; i < value.shape.size(); ++i) {
    out.shape[i] = value.shape[i].size;
    if (value.shape[i].size < 0) out.symbols[i] = value.shape[i].symbol.c_str();
  }
}

void describe_at(const Model& model, const std::vector<int>& list, size_t index, apus_value* out) {
  required(out, "value");
  if (index >= list.size())
    refuse("index " + std::to_string(index) + " is beyond the last, " + std::to_string(list.size()) + " exist");
  describe(model.values[static_cast<size_t>(list[index])], *out);
}

}  // namespace
}  // namespace apus

using apus::guarded;
using apus::required;

extern "C" {

const char* apus_error(void) noexcept { return apus::last_failure(); }

const char* apus_status_name(apus_status status) noexcept {
  constexpr const char* kNames[] = {"APUS_OK",      "APUS_BAD_ARGUMENT", "APUS_MISSING_FILE",  "APUS_BAD_MODEL",
                                    "APUS_BAD_ISA", "APUS_SMALL_BUFFER", "APUS_OUT_OF_MEMORY", "APUS_INTERNAL"};
  const auto index = static_cast<unsigned>(status);
  return index < std::size(kNames) ? kNames[index] : "unknown";
}

const char* apus_dtype_name(apus_dtype dtype) noexcept {
  const auto index = static_cast<unsigned>(dtype);
  return index <= APUS_FLOAT16 ? apus::dtype_name(static_cast<apus::Dtype>(index)) : "unknown";
}

size_t apus_dtype_size(apus_dtype dtype) noexcept {
  const auto index = static_cast<unsigned>(dtype);
  return index <= APUS_FLOAT16 ? static_cast<size_t>(apus::dtype_size(static_cast<apus::Dtype>(index))) : 0;
}

apus_status apus_isa(const char** name) noexcept {
  return guarded([&] { required(name, "name") = apus::isa_name(apus::active_isa()); });
}

apus_status apus_model_open(const char* path, apus_model** model) noexcept {
  return guarded([&] {
    required(model, "model") = nullptr;
    *model = new apus_model{apus::read_model_file(&required(path, "path"))};
  });
}

apus_status apus_model_from_bytes(const void* data, size_t bytes, apus_model** model) noexcept {
  return guarded([&] {
    required(model, "model") = nullptr;
    required(static_cast<const uint8_t*>(data), "data");
    *model = new apus_model{apus::read_model_bytes(data, bytes)};
  });
}

void apus_model_close(apus_model* model) noexcept { delete model; }

size_t apus_model_input_count(const apus_model* model) noexcept {
  return model == nullptr ? 0 : model->model->inputs.size();
}

size_t apus_model_output_count(const apus_model* model) noexcept {
  return model == nullptr ? 0 : model->model->outputs.size();
}

apus_status apus_model_input(const apus_model* model, size_t index, apus_value* value) noexcept {
  return guarded([&] {
    const apus::Model& found = *required(model, "model").model;
    apus::describe_at(found, found.inputs, index, value);
  });
}

apus_status apus_model_output(const apus_model* model, size_t index, apus_value* value) noexcept {
  return guarded([&] {
    const apus::Model& found = *required(model, "model").model;
    apus::describe_at(found, found.outputs, index, value);
  });
}

const char* apus_model_metadata(const apus_model* model) noexcept {
  return model == nullptr ? "" : model->model->metadata.c_str();
}

apus_status apus_session_open(const apus_model* model, int threads, apus_session** session) noexcept {
  return guarded([&] {
    required(session, "session") = nullptr;
    if (threads < 0) apus::refuse("threads must be 0 or more, is " + std::to_string(threads));
    const int wanted = threads == 0 ? apus::usable_cores() : threads;
    *session = new apus_session{{required(model, "model").model, wanted}};
  });
}

void apus_session_close(apus_session* session) noexcept { delete session; }

int apus_session_threads(const apus_session* session) noexcept {
  return session == nullptr ? 0 : session->session.threads();
}

apus_status apus_session_measure(apus_session* session, const apus_input* inputs, size_t input_count,
                                 apus_output* outputs, size_t output_count) noexcept {
  return guarded([&] {
    apus::Session& found = required(session, "session").session;
    apus::Call(found, inputs, input_count, outputs, output_count);
  });
}

apus_status apus_session_run(apus_session* session, const apus_input* inputs, size_t input_count, apus_output* outputs,
                             size_t output_count) noexcept {
  return guarded([&] {
    apus::Session& found = required(session, "session").session;
    apus::Call(found, inputs, input_count, outputs, output_count).run();
  });
}

}  // extern "C"
