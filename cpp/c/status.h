// Failures at the boundary to C: a status for the caller, and a text that this thread keeps.
#pragma once

#include <new>
#include <string>

#include "base/error.h"
#include "c/apus.h"

namespace apus {

// A failure of the boundary itself; the engine's own come as Error.
struct Refusal {
  apus_status status;
  std::string message;
};

[[noreturn]] void refuse(const std::string& message);

template <class T>
T& required(T* pointer, const char* name) {
  if (pointer == nullptr) refuse(std::string(name) + " is null");
  return *pointer;
}

// Keeps the text for apus_error() and returns `status`.
apus_status fail(apus_status status, const char* message) noexcept;
const char* last_failure() noexcept;

apus_status status_of(ErrorKind kind);

// Runs `body`; whatever it throws becomes a status and a text.
template <class Body>
apus_status guarded(Body&& body) noexcept {
  try {
    body();
    return APUS_OK;
  } catch (const Refusal& refusal) {
    return fail(refusal.status, refusal.message.c_str());
  } catch (const Error& error) {
    return fail(status_of(error.kind()), error.what());
  } catch (const std::bad_alloc&) {
    return fail(APUS_OUT_OF_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return fail(APUS_INTERNAL, error.what());
  } catch (...) {
    return fail(APUS_INTERNAL, "an unknown error");
  }
}

}  // namespace apus
