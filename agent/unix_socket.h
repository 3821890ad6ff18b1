#pragma once

#include <sys/types.h>

#include <string>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace rdev::agent {

// A listening unix socket; its file goes with it.
class UnixListener final {
 public:
  // Makes the directory (0700, ours) and the socket (0600). A file left by an agent that died is
  // replaced; Code::kExists when somebody answers there.
  static Result<UnixListener> open(const std::string& path);
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  int fd() const { return fd_.get(); }

 private:
  UnixListener(base::Fd fd, std::string path, ino_t inode)
      : fd_(std::move(fd)), path_(std::move(path)), inode_(inode) {}

  base::Fd fd_;
  std::string path_;
  ino_t inode_ = 0;  // of the file: another agent may have replaced it
};

struct UnixPeer {
  base::Fd socket;  // blocking
  pid_t pid = 0;    // of the process that listens
};

// Code::kUnavailable when nobody listens; Code::kPermission when it is another user's process.
Result<UnixPeer> connect_unix(const std::string& path);

// Whether the process at the other end is ours or root's (SO_PEERCRED).
bool is_trusted_peer(int socket);

}  // namespace rdev::agent
