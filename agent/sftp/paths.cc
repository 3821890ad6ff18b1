#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/sftp/requests.h"

namespace rdev::sftp {

Outcome remove(Session&, const Path& path) { return Outcome::of_call(::unlink(path.c_str())); }

Outcome rename(Session&, const Path& from, const Path& to) {
  if (::renameat2(AT_FDCWD, from.c_str(), AT_FDCWD, to.c_str(), RENAME_NOREPLACE) == 0) {
    return Outcome::ok();
  }
  if (errno != EINVAL && errno != ENOSYS) {
    return Outcome::from_errno();
  }
  // A file system that cannot promise it (NFS, some FUSE): look first, as OpenSSH does.
  struct stat status{};
  if (::lstat(to.c_str(), &status) == 0) {
    return Outcome::from_errno(EEXIST);
  }
  return Outcome::of_call(::rename(from.c_str(), to.c_str()));
}

Outcome posix_rename(Session&, const Path& from, const Path& to) {
  return Outcome::of_call(::rename(from.c_str(), to.c_str()));
}

Outcome hardlink(Session&, const Path& existing, const Path& link) {
  return Outcome::of_call(::link(existing.c_str(), link.c_str()));
}

Outcome symlink(Session&, const Path& target, const Path& link) {
  return Outcome::of_call(::symlink(target.c_str(), link.c_str()));
}

Outcome readlink(Session& session, const Path& path) {
  char target[PATH_MAX];
  const ssize_t size = ::readlink(path.c_str(), target, sizeof target);
  if (size < 0) {
    return Outcome::from_errno();
  }
  const std::string_view name(target, static_cast<std::size_t>(size));
  session.out.begin(Type::kName, session.id);
  session.out.u32(1);
  session.out.string(name);
  session.out.string(name);
  session.out.no_attributes();
  session.out.end();
  return Outcome::replied();
}

}  // namespace rdev::sftp
