#include "agent/sftp/outcome.h"

#include <cstring>

namespace rdev::sftp {
namespace {

Status code_for(int error) {
  switch (error) {
    case 0:
      return Status::kOk;
    case ENOENT:
    case ENOTDIR:
    case EBADF:
    case ELOOP:
      return Status::kNoSuchFile;
    case EPERM:
    case EACCES:
    case EFAULT:
      return Status::kPermissionDenied;
    case ENAMETOOLONG:
    case EINVAL:
      return Status::kBadMessage;
    case ENOSYS:
      return Status::kOpUnsupported;
    default:
      return Status::kFailure;
  }
}

}  // namespace

Outcome Outcome::from_errno(int error) { return failed(code_for(error), std::strerror(error)); }

}  // namespace rdev::sftp
