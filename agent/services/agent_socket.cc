#include "agent/services/agent_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

namespace rdev::services {
namespace {

constexpr const char* kName = "agent";

}  // namespace

std::string AgentSocket::path() const { return directory_name_ + '/' + kName; }

Result<AgentSocket> AgentSocket::open(const std::vector<std::string>& parents, uid_t uid,
                                      gid_t gid) {
  Error last{Code::kUnavailable, "no directory for the socket of an authentication agent"};
  for (const std::string& parent : parents) {
    auto opened = open_in(parent, uid, gid);
    if (opened) {
      return opened;
    }
    last = std::move(opened.error());
  }
  return tl::make_unexpected(std::move(last));
}

Result<AgentSocket> AgentSocket::open_in(const std::string& parent, uid_t uid, gid_t gid) {
  std::string name = parent + "/rdev-ssh-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) {
    return fail_errno("cannot make a directory in " + parent);
  }
  base::Fd directory(::open(name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!directory) {
    const int error = errno;
    ::rmdir(name.c_str());
    return fail_errno("cannot open " + name, error);
  }
  AgentSocket made(std::move(directory), std::move(name));
  if (auto listening = made.listen(uid, gid); !listening) {
    return tl::make_unexpected(listening.error());
  }
  return made;
}

// The directory is given away last: until then nobody else can touch what is in it.
Result<void> AgentSocket::listen(uid_t uid, gid_t gid) {
  const std::string name = path();
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  if (name.size() >= sizeof address.sun_path) {
    return fail(Code::kLimit, name + " is too long for a socket");
  }
  name.copy(address.sun_path, sizeof address.sun_path - 1);
  socket_ = base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket_ ||
      ::bind(socket_.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 ||
      ::fchmodat(directory_.get(), kName, 0600, 0) != 0 ||
      ::listen(socket_.get(), SOMAXCONN) != 0) {
    return fail_errno("cannot listen on " + name);
  }
  struct stat status{};
  if (::fstatat(directory_.get(), kName, &status, AT_SYMLINK_NOFOLLOW) != 0) {
    return fail_errno("cannot look at " + name);
  }
  device_ = status.st_dev;
  inode_ = status.st_ino;
  if (uid != ::geteuid() &&
      (::fchownat(directory_.get(), kName, uid, gid, AT_SYMLINK_NOFOLLOW) != 0 ||
       ::fchown(directory_.get(), uid, gid) != 0)) {
    return fail_errno("cannot give " + name + " to uid " + std::to_string(uid));
  }
  return {};
}

bool AgentSocket::is_there() const {
  struct stat status{};
  return ::lstat(path().c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
         status.st_dev == device_ && status.st_ino == inode_;
}

// By the directory's descriptor: its owner may have put something else under the name.
AgentSocket::~AgentSocket() {
  if (directory_) {
    ::unlinkat(directory_.get(), kName, 0);
    ::rmdir(directory_name_.c_str());
  }
}

}  // namespace rdev::services
