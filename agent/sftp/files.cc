#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "agent/sftp/requests.h"

namespace rdev::sftp {
namespace {

int open_flags(std::uint32_t flags) {
  int result = O_CLOEXEC | O_NOCTTY;
  if ((flags & kOpenRead) && (flags & kOpenWrite)) {
    result |= O_RDWR;
  } else if (flags & kOpenWrite) {
    result |= O_WRONLY;
  }
  if (flags & kOpenAppend) {
    result |= O_APPEND;
  }
  if (flags & kOpenCreate) {
    result |= O_CREAT;
  }
  if (flags & kOpenTruncate) {
    result |= O_TRUNC;
  }
  if (flags & kOpenExclusive) {
    result |= O_EXCL;
  }
  return result;
}

// Does not wait for the other end of a FIFO: the client could not be heard meanwhile, not even
// going away. Reads and writes of files are the same with O_NONBLOCK; but somebody's lease on a
// file, which the kernel takes back within seconds, is waited for.
base::Fd open_now(const Path& path, int flags, mode_t mode) {
  base::Fd file(::open(path.c_str(), flags | O_NONBLOCK, mode));
  if (!file && errno == EWOULDBLOCK) {
    file.reset(::open(path.c_str(), flags, mode));
  }
  return file;
}

}  // namespace

Outcome open(Session& session, const Path& path, std::uint32_t flags,
             const Attributes& attributes) {
  if (session.handles.full()) {
    return Outcome::from_errno(EMFILE);
  }
  base::Fd file = open_now(path, open_flags(flags), attributes.permissions.value_or(0666));
  if (!file) {
    return Outcome::from_errno();
  }
  session.out.begin(Type::kHandle, session.id);
  session.out.string(session.handles.add(std::move(file)));
  session.out.end();
  return Outcome::replied();
}

// Some file systems tell only here that the data did not fit (quota on NFS).
Outcome close(Session& session, Handle handle) {
  if (session.handles.fd(handle) < 0) {
    return Outcome::no_handle();
  }
  const int error = session.handles.close(handle);
  return error == 0 ? Outcome::ok() : Outcome::from_errno(error);
}

Outcome read(Session& session, Handle handle, std::uint64_t offset, std::uint32_t length) {
  const int file = session.handles.fd(handle);
  if (file < 0) {
    return Outcome::no_handle();
  }
  const std::size_t wanted = std::min(length, kMaxData);
  ssize_t got = 0;
  do {
    got = ::pread(file, session.out.data_room(), wanted, static_cast<off_t>(offset));
  } while (got < 0 && errno == EINTR);
  if (got < 0) {
    return Outcome::from_errno();
  }
  if (got == 0 && wanted > 0) {
    return Outcome::end_of_file();
  }
  session.out.data(session.id, static_cast<std::size_t>(got));
  return Outcome::replied();
}

// With O_APPEND Linux appends whatever the offset says, which is what SSH_FXF_APPEND wants.
Outcome write(Session& session, Handle handle, std::uint64_t offset, std::string_view data) {
  const int file = session.handles.fd(handle);
  if (file < 0) {
    return Outcome::no_handle();
  }
  while (!data.empty()) {
    const ssize_t put = ::pwrite(file, data.data(), data.size(), static_cast<off_t>(offset));
    if (put < 0 && errno == EINTR) {
      continue;
    }
    if (put < 0) {
      return Outcome::from_errno();
    }
    data.remove_prefix(static_cast<std::size_t>(put));
    offset += static_cast<std::uint64_t>(put);
  }
  return Outcome::ok();
}

Outcome fsync(Session& session, Handle handle) {
  const int file = session.handles.fd(handle);
  return file < 0 ? Outcome::no_handle() : Outcome::of_call(::fsync(file));
}

}  // namespace rdev::sftp
