#include "agent/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <optional>

#include "protocol/base/file.h"

namespace rdev::agent {
namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Code::kUsage, "the socket path " + path + " is longer than " +
                                  std::to_string(sizeof address.sun_path - 1) +
                                  " bytes, which is all that Linux takes: choose a shorter one");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

const sockaddr* generic(const sockaddr_un& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

base::Fd make_socket() { return base::Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)); }

std::optional<ucred> peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? std::optional(peer)
                                                                          : std::nullopt;
}

// Removes a socket that nobody listens on.
Result<void> clear(const std::string& path, const sockaddr_un& address) {
  const base::Fd probe = make_socket();
  if (!probe) {
    return fail_errno("cannot make a socket");
  }
  if (::connect(probe.get(), generic(address), sizeof address) == 0) {
    const auto peer = peer_of(probe.get());
    return fail(Code::kExists, "another agent listens on " + path + " (process " +
                                   std::to_string(peer ? peer->pid : 0) +
                                   "): stop it first, or give this one another socket");
  }
  struct stat status{};
  if (errno == ECONNREFUSED && ::lstat(path.c_str(), &status) == 0 && S_ISSOCK(status.st_mode) &&
      ::unlink(path.c_str()) != 0) {
    return fail_errno("cannot replace " + path);
  }
  return {};
}

}  // namespace

Result<UnixListener> UnixListener::open(const std::string& path) {
  const auto address = address_of(path);
  if (!address) {
    return tl::make_unexpected(address.error());
  }
  if (auto made = base::make_private_dir(std::filesystem::path(path).parent_path()); !made) {
    return tl::make_unexpected(made.error());
  }
  if (auto cleared = clear(path, *address); !cleared) {
    return tl::make_unexpected(cleared.error());
  }
  base::Fd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  const mode_t before = ::umask(0177);
  const bool bound = fd && ::bind(fd.get(), generic(*address), sizeof *address) == 0;
  const int error = errno;
  ::umask(before);
  if (!bound || ::listen(fd.get(), SOMAXCONN) != 0) {
    return fail_errno("cannot listen on " + path, bound ? errno : error);
  }
  struct stat status{};
  if (::stat(path.c_str(), &status) != 0) {
    return fail_errno("cannot find " + path + " again");
  }
  return UnixListener(std::move(fd), path, status.st_ino);
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})), inode_(other.inode_) {}

UnixListener::~UnixListener() {
  struct stat status{};
  if (!path_.empty() && ::stat(path_.c_str(), &status) == 0 && status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

Result<UnixPeer> connect_unix(const std::string& path) {
  const auto address = address_of(path);
  if (!address) {
    return tl::make_unexpected(address.error());
  }
  UnixPeer peer{.socket = make_socket()};
  if (!peer.socket || ::connect(peer.socket.get(), generic(*address), sizeof *address) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) {
      return fail(Code::kUnavailable, "no agent listens on " + path);
    }
    return fail_errno("cannot reach the agent on " + path, error);
  }
  const auto owner = peer_of(peer.socket.get());
  if (!owner || (owner->uid != ::geteuid() && owner->uid != 0 && ::geteuid() != 0)) {
    return fail(Code::kPermission, "what listens on " + path + " is another user's process");
  }
  peer.pid = owner->pid;
  return peer;
}

bool is_trusted_peer(int socket) {
  const auto peer = peer_of(socket);
  return peer && (peer->uid == ::geteuid() || peer->uid == 0);
}

}  // namespace rdev::agent
