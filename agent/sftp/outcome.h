#pragma once

#include <cerrno>
#include <string>
#include <utility>

#include "agent/sftp/codec.h"

namespace rdev::sftp {

// What a handler says: it has written its reply, or the STATUS that shall be sent for it.
class [[nodiscard]] Outcome final {
 public:
  static Outcome replied() { return Outcome(true, Status::kOk, {}); }
  static Outcome ok() { return Outcome(false, Status::kOk, "Success"); }
  static Outcome end_of_file() { return Outcome(false, Status::kEof, "End of file"); }
  static Outcome failed(Status code, std::string why) {
    return Outcome(false, code, std::move(why));
  }
  static Outcome no_handle() {
    return failed(Status::kFailure, "no such handle: it was closed, or never opened");
  }
  // The code that OpenSSH sends for it, and strerror: "No space left on device" has no code of its
  // own in this version of the protocol.
  static Outcome from_errno(int error = errno);
  // Of a system call: 0 is ok, else errno.
  static Outcome of_call(int returned) { return returned == 0 ? ok() : from_errno(); }

  bool has_replied() const { return has_replied_; }
  bool is_ok() const { return has_replied_ || code_ == Status::kOk; }
  Status code() const { return code_; }
  const std::string& message() const { return message_; }

 private:
  Outcome(bool has_replied, Status code, std::string message)
      : has_replied_(has_replied), code_(code), message_(std::move(message)) {}

  bool has_replied_;
  Status code_;
  std::string message_;
};

}  // namespace rdev::sftp
