#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "protocol/base/fd.h"
#include "protocol/base/result.h"

namespace rdev::services {

// A listening unix socket of mode 0600 in a directory of its own of mode 0700, both of one user.
// Both go with it.
class AgentSocket final {
 public:
  // In the first of `parents` that takes it; there it gets a name that nobody can know beforehand.
  static Result<AgentSocket> open(const std::vector<std::string>& parents, uid_t uid, gid_t gid);
  AgentSocket(AgentSocket&& other) noexcept = default;
  AgentSocket& operator=(AgentSocket&&) = delete;
  ~AgentSocket();

  // Non-blocking.
  int fd() const { return socket_.get(); }
  std::string path() const;
  // Still under its path: nobody has cleaned up there.
  bool is_there() const;

 private:
  AgentSocket(base::Fd directory, std::string name)
      : directory_(std::move(directory)), directory_name_(std::move(name)) {}
  static Result<AgentSocket> open_in(const std::string& parent, uid_t uid, gid_t gid);
  Result<void> listen(uid_t uid, gid_t gid);

  base::Fd directory_, socket_;
  std::string directory_name_;
  dev_t device_ = 0;  // of the socket's file, as inode_
  ino_t inode_ = 0;
};

}  // namespace rdev::services
