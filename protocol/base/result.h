#pragma once

#include <cerrno>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace rdev {

// What a caller may want to tell apart; everything else is in the message.
enum class Code {
  kFailed,       // none of the others
  kUsage,        // the caller's or the user's input is wrong
  kNotFound,     // the named thing does not exist
  kExists,       // it exists already
  kPermission,   // not allowed
  kTimeout,      // it took too long
  kCancelled,    // somebody asked to stop
  kClosed,       // the other side is gone
  kUnavailable,  // cannot be reached now
  kProtocol,     // a peer sent nonsense
  kLimit,        // a bound was hit
};

// The message says what failed, why, and what to try; it holds no secret.
struct Error {
  Code code = Code::kFailed;
  std::string message;
};

template <class T>
using Result = tl::expected<T, Error>;

// `return fail(Code::kUsage, "…")` in any function that returns a Result.
inline tl::unexpected<Error> fail(Code code, std::string message) {
  return tl::make_unexpected(Error{code, std::move(message)});
}

// "WHAT: strerror", with the code that fits the errno.
tl::unexpected<Error> fail_errno(std::string_view what, int error = errno);

// The same error, with what the caller was doing in front.
inline tl::unexpected<Error> prefix(std::string_view doing, Error error) {
  error.message.insert(0, std::string(doing) + ": ");
  return tl::make_unexpected(std::move(error));
}

}  // namespace rdev
