#include "protocol/base/result.h"

#include <cstring>

namespace rdev {
namespace {

Code code_of(int error) {
  switch (error) {
    case ENOENT:
    case ENOTDIR:
    case ESRCH:
      return Code::kNotFound;
    case EEXIST:
    case EADDRINUSE:
      return Code::kExists;
    case EACCES:
    case EPERM:
    case EROFS:
      return Code::kPermission;
    case ETIMEDOUT:
      return Code::kTimeout;
    case ECANCELED:
      return Code::kCancelled;
    case EPIPE:
    case ECONNRESET:
      return Code::kClosed;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return Code::kUnavailable;
    case ENOSPC:
    case EDQUOT:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return Code::kLimit;
    default:
      return Code::kFailed;
  }
}

}  // namespace

tl::unexpected<Error> fail_errno(std::string_view what, int error) {
  return fail(code_of(error), std::string(what) + ": " + std::strerror(error));
}

}  // namespace rdev
