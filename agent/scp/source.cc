#include "agent/scp/source.h"

#include <dirent.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "agent/scp/records.h"

namespace rdev::scp {
namespace {

// Of "a/b//": "b".
std::string last_name(std::string path) {
  while (path.size() > 1 && path.ends_with('/')) {
    path.pop_back();
  }
  return path.substr(path.rfind('/') + 1);
}

struct CloseDirectory {
  void operator()(DIR* directory) const { ::closedir(directory); }
};

std::string why(const std::string& path) { return path + ": " + std::strerror(errno); }

// The bytes that could be read; fewer than asked for at the file's end or after an error in errno.
std::size_t read_all(int fd, char* to, std::size_t size) {
  std::size_t done = 0;
  errno = 0;
  while (done < size) {
    const ssize_t n = ::read(fd, to + done, size - done);
    if (n > 0) {
      done += static_cast<std::size_t>(n);
    } else if (n == 0 || errno != EINTR) {
      break;
    }
  }
  return done;
}

}  // namespace

Result<void> Source::send(const std::string& path) {
  // Non-blocking: a FIFO is to be told, not waited for.
  base::Fd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  struct stat status{};
  if (!fd || ::fstat(fd.get(), &status) != 0) {
    return peer_.complain(why(path));
  }
  if (S_ISREG(status.st_mode)) {
    return send_file(path, fd.get(), status);
  }
  if (S_ISDIR(status.st_mode) && options_.recursive) {
    return send_directory(path, std::move(fd), status);
  }
  return peer_.complain(path + ": not a regular file");
}

Result<bool> Source::announce(const struct stat& status, const std::string& record) {
  if (options_.preserve) {
    const TimesRecord times{.modified_s = std::max<std::int64_t>(status.st_mtime, 0),
                            .accessed_s = std::max<std::int64_t>(status.st_atime, 0)};
    if (auto sent = peer_.send(encode(times)); !sent) {
      return tl::make_unexpected(sent.error());
    }
    auto taken = peer_.accepted();
    if (!taken || !*taken) {
      return taken;
    }
  }
  if (auto sent = peer_.send(record); !sent) {
    return tl::make_unexpected(sent.error());
  }
  return peer_.accepted();
}

Result<void> Source::send_file(const std::string& path, int fd, const struct stat& status) {
  const FileRecord record{.mode = status.st_mode & 07777U,
                          .size = static_cast<std::uint64_t>(status.st_size),
                          .name = last_name(path)};
  const auto taken = announce(status, encode(record));
  if (!taken) {
    return tl::make_unexpected(taken.error());
  }
  return *taken ? send_bytes(path, fd, record.size) : Result<void>{};
}

// Exactly as many bytes as were announced, whatever the file has become.
Result<void> Source::send_bytes(const std::string& path, int fd, std::uint64_t size) {
  std::string problem;
  while (size > 0) {
    const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(size, kChunk));
    const std::size_t got = problem.empty() ? read_all(fd, buffer_.get(), want) : 0;
    if (got < want) {
      if (problem.empty()) {
        problem = errno != 0 ? why(path) : path + ": became shorter while it was read";
      }
      std::memset(buffer_.get() + got, 0, want - got);
    }
    if (auto sent = peer_.send({buffer_.get(), want}); !sent) {
      return sent;
    }
    size -= want;
  }
  auto ended = problem.empty() ? peer_.accept() : peer_.complain(problem);
  if (!ended) {
    return ended;
  }
  const auto taken = peer_.accepted();
  return taken ? Result<void>{} : tl::make_unexpected(taken.error());
}

Result<void> Source::send_directory(const std::string& path, base::Fd fd,
                                    const struct stat& status) {
  const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(fd.get()));
  if (directory == nullptr) {
    return peer_.complain(why(path));
  }
  (void)fd.release();  // closed with `directory`
  const DirectoryRecord record{.mode = status.st_mode & 07777U, .name = last_name(path)};
  auto taken = announce(status, encode(record));
  if (!taken || !*taken) {
    return taken ? Result<void>{} : tl::make_unexpected(taken.error());
  }
  for (errno = 0; const dirent* entry = ::readdir(directory.get()); errno = 0) {
    const std::string name = entry->d_name;
    if (name == "." || name == "..") {
      continue;
    }
    std::string inner = path;
    inner.append(path.ends_with('/') ? "" : "/").append(name);
    if (auto sent = send(inner); !sent) {
      return sent;
    }
  }
  if (errno != 0) {
    if (auto told = peer_.complain(why(path)); !told) {
      return told;
    }
  }
  if (auto sent = peer_.send("E\n"); !sent) {
    return sent;
  }
  taken = peer_.accepted();
  return taken ? Result<void>{} : tl::make_unexpected(taken.error());
}

}  // namespace rdev::scp
