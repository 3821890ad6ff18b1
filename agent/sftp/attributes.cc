#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <array>
#include <limits>

#include "agent/sftp/requests.h"

namespace rdev::sftp {
namespace {

constexpr mode_t kModeBits = 07777;

Outcome reply(Session& session, const struct stat& status) {
  session.out.begin(Type::kAttrs, session.id);
  session.out.attributes(status);
  session.out.end();
  return Outcome::replied();
}

std::array<timespec, 2> timespecs(const Attributes::Times& times) {
  return {timespec{.tv_sec = times.accessed, .tv_nsec = 0},
          timespec{.tv_sec = times.modified, .tv_nsec = 0}};
}

// The changes that a SETSTAT asks for, each by a system call that returns 0 or sets errno.
struct Changes {
  virtual int resize(off_t size) = 0;
  virtual int chown(uid_t uid, gid_t gid) = 0;
  virtual int chmod(mode_t mode) = 0;
  virtual int touch(const timespec* times) = 0;

 protected:
  ~Changes() = default;
};

struct OfPath final : Changes {
  explicit OfPath(const Path& path, int at_flags) : path(path.c_str()), at_flags(at_flags) {}
  int resize(off_t size) override {
    if (at_flags != 0) {  // a link has no size to set
      errno = EINVAL;
      return -1;
    }
    return ::truncate(path, size);
  }
  int chown(uid_t uid, gid_t gid) override {
    return ::fchownat(AT_FDCWD, path, uid, gid, at_flags);
  }
  int chmod(mode_t mode) override { return ::fchmodat(AT_FDCWD, path, mode, at_flags); }
  int touch(const timespec* times) override { return ::utimensat(AT_FDCWD, path, times, at_flags); }
  const char* path;
  int at_flags;
};

struct OfFile final : Changes {
  explicit OfFile(int file) : file(file) {}
  int resize(off_t size) override { return ::ftruncate(file, size); }
  int chown(uid_t uid, gid_t gid) override { return ::fchown(file, uid, gid); }
  int chmod(mode_t mode) override { return ::fchmod(file, mode); }
  int touch(const timespec* times) override { return ::futimens(file, times); }
  int file;
};

// All of them, also after one that fails, whose error is the answer. The order matters: chown
// clears set-id bits, and truncate sets the time.
Outcome apply(const Attributes& attributes, Changes& changes) {
  Outcome result = Outcome::ok();
  const auto note = [&result](int returned) {
    if (returned != 0 && result.is_ok()) {
      result = Outcome::from_errno();
    }
  };
  if (attributes.size) {
    if (*attributes.size > static_cast<std::uint64_t>(std::numeric_limits<off_t>::max())) {
      errno = EFBIG;
      note(-1);
    } else {
      note(changes.resize(static_cast<off_t>(*attributes.size)));
    }
  }
  if (attributes.owner) {
    note(changes.chown(attributes.owner->uid, attributes.owner->gid));
  }
  if (attributes.permissions) {
    note(changes.chmod(*attributes.permissions & kModeBits));
  }
  if (attributes.times) {
    note(changes.touch(timespecs(*attributes.times).data()));
  }
  return result;
}

}  // namespace

Outcome stat(Session& session, const Path& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? reply(session, status) : Outcome::from_errno();
}

Outcome lstat(Session& session, const Path& path) {
  struct stat status{};
  return ::lstat(path.c_str(), &status) == 0 ? reply(session, status) : Outcome::from_errno();
}

Outcome fstat(Session& session, Handle handle) {
  const int file = session.handles.fd(handle);
  if (file < 0) {
    return Outcome::no_handle();
  }
  struct stat status{};
  return ::fstat(file, &status) == 0 ? reply(session, status) : Outcome::from_errno();
}

Outcome setstat(Session&, const Path& path, const Attributes& attributes) {
  OfPath changes(path, 0);
  return apply(attributes, changes);
}

Outcome lsetstat(Session&, const Path& path, const Attributes& attributes) {
  OfPath changes(path, AT_SYMLINK_NOFOLLOW);
  return apply(attributes, changes);
}

Outcome fsetstat(Session& session, Handle handle, const Attributes& attributes) {
  const int file = session.handles.fd(handle);
  if (file < 0) {
    return Outcome::no_handle();
  }
  OfFile changes(file);
  return apply(attributes, changes);
}

}  // namespace rdev::sftp
