#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace rdev::base {

// A listening unix socket of mode 0600; its file goes with it.
class UnixListener final {
 public:
  // A socket that nobody listens on any more is replaced. Code::kExists when somebody does, or when
  // what is there is no socket.
  static Result<UnixListener> open(const std::filesystem::path& path);
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  // Non-blocking.
  int fd() const { return fd_.get(); }
  const std::filesystem::path& path() const { return path_; }

 private:
  UnixListener(Fd fd, std::filesystem::path path, ino_t inode)
      : fd_(std::move(fd)), path_(std::move(path)), inode_(inode) {}

  Fd fd_;
  std::filesystem::path path_;
  ino_t inode_ = 0;  // of the file: another process may have replaced it
};

struct UnixPeer {
  Fd socket;      // blocking
  pid_t pid = 0;  // of the process that listens
};
// Code::kUnavailable when nobody listens; Code::kPermission when it is another user's process.
Result<UnixPeer> connect_unix(const std::filesystem::path& path);

// Whether the process at the other end is ours or root's (SO_PEERCRED).
bool is_trusted_peer(int socket);

}  // namespace rdev::base
