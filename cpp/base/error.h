// Errors that reach the user. The kind picks the Python class in apus.errors; the message names the thing and the fix.
#pragma once

#include <stdexcept>
#include <string>

namespace apus {

enum class ErrorKind { artifact, run, isa, missing_file };

class Error : public std::runtime_error {
 public:
  Error(ErrorKind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}
  ErrorKind kind() const { return kind_; }

 private:
  ErrorKind kind_;
};

}  // namespace apus
