#include "protocol/base/file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdlib>

namespace rdev::base {
namespace {

Result<void> write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0) {
      if (errno == EINTR) {
        continue;
      }
      return fail_errno("write");
    }
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  return {};
}

Result<void> fill_temporary(int fd, std::string_view text, mode_t mode) {
  if (::fchmod(fd, mode) != 0) {
    return fail_errno("chmod");
  }
  if (auto written = write_all(fd, text); !written) {
    return written;
  }
  if (::fsync(fd) != 0) {
    return fail_errno("fsync");
  }
  return {};
}

}  // namespace

Result<std::string> read_file(const std::filesystem::path& path, std::size_t max_bytes) {
  const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) {
    return fail_errno("cannot open " + path.string());
  }
  std::string text;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return fail_errno("cannot read " + path.string());
    }
    if (n == 0) {
      return text;
    }
    if (text.size() + static_cast<std::size_t>(n) > max_bytes) {
      return fail(Code::kLimit,
                  path.string() + " is longer than " + std::to_string(max_bytes) + " bytes");
    }
    text.append(buffer, static_cast<std::size_t>(n));
  }
}

Result<void> write_file_atomic(const std::filesystem::path& path, std::string_view text,
                               mode_t mode) {
  std::string temporary =
      (path.parent_path() / ("." + path.filename().string() + ".XXXXXX")).string();
  const Fd fd(::mkostemp(temporary.data(), O_CLOEXEC));
  if (!fd) {
    return fail_errno("cannot write " + path.string());
  }
  if (auto filled = fill_temporary(fd.get(), text, mode); !filled) {
    ::unlink(temporary.c_str());
    return prefix("cannot write " + path.string(), filled.error());
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) {
    auto failed = fail_errno("cannot write " + path.string());
    ::unlink(temporary.c_str());
    return failed;
  }
  return {};
}

Result<void> make_private_dir(const std::filesystem::path& path) {
  std::error_code error;
  if (path.has_parent_path()) {
    std::filesystem::create_directories(path.parent_path(), error);
    if (error) {
      return fail_errno("cannot make " + path.parent_path().string(), error.value());
    }
  }
  if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail_errno("cannot make " + path.string());
  }
  const Fd fd(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return fail_errno("cannot use " + path.string() + " as a private directory");
  }
  if (status.st_uid != ::geteuid()) {
    return fail(Code::kPermission, path.string() + " belongs to uid " +
                                       std::to_string(status.st_uid) +
                                       ", not to us: remove it or choose another place");
  }
  if ((status.st_mode & 0777) != 0700 && ::fchmod(fd.get(), 0700) != 0) {
    return fail_errno("chmod " + path.string());
  }
  return {};
}

Result<Fd> lock_file(const std::filesystem::path& path, LockWait wait) {
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!fd) {
    return fail_errno("cannot open " + path.string());
  }
  const int operation = LOCK_EX | (wait == LockWait::kTry ? LOCK_NB : 0);
  while (::flock(fd.get(), operation) != 0) {
    if (errno == EWOULDBLOCK) {
      return fail(Code::kExists, path.string() + " is locked by another process");
    }
    if (errno != EINTR) {
      return fail_errno("cannot lock " + path.string());
    }
  }
  return fd;
}

}  // namespace rdev::base
