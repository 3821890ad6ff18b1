#include "protocol/base/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace rdev::base {
namespace {

Result<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.find('\0') != std::string::npos) {
    return fail(Code::kUsage, "a socket needs the path of a file");
  }
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

Fd make_socket(int flags) { return Fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0)); }

std::optional<ucred> peer_of(int socket) {
  ucred peer{};
  socklen_t size = sizeof peer;
  return ::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 ? std::optional(peer)
                                                                          : std::nullopt;
}

// Removes a socket that nobody listens on.
Result<void> clear(const std::string& path, const sockaddr_un& address) {
  const Fd probe = make_socket(SOCK_NONBLOCK);
  if (!probe) {
    return fail_errno("cannot make a socket");
  }
  if (::connect(probe.get(), generic(address), sizeof address) == 0 || errno == EAGAIN) {
    const auto peer = peer_of(probe.get());
    return fail(Code::kExists, "process " + std::to_string(peer ? peer->pid : 0) + " listens on " +
                                   path + ": stop it first, or choose another socket");
  }
  struct stat status{};
  if (errno != ECONNREFUSED || ::lstat(path.c_str(), &status) != 0) {
    return {};
  }
  if (!S_ISSOCK(status.st_mode)) {
    return fail(Code::kExists,
                path + " is there and is no socket: remove it, or choose another path");
  }
  return ::unlink(path.c_str()) == 0 ? Result<void>() : fail_errno("cannot replace " + path);
}

}  // namespace

Result<UnixListener> UnixListener::open(const std::filesystem::path& file) {
  const std::string& path = file.native();
  const auto address = address_of(path);
  if (!address) {
    return tl::make_unexpected(address.error());
  }
  if (auto cleared = clear(path, *address); !cleared) {
    return tl::make_unexpected(cleared.error());
  }
  Fd fd = make_socket(SOCK_NONBLOCK);
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
  return UnixListener(std::move(fd), file, status.st_ino);
}

UnixListener::UnixListener(UnixListener&& other) noexcept
    : fd_(std::move(other.fd_)), path_(std::exchange(other.path_, {})), inode_(other.inode_) {}

UnixListener::~UnixListener() {
  struct stat status{};
  if (!path_.empty() && ::stat(path_.c_str(), &status) == 0 && status.st_ino == inode_) {
    ::unlink(path_.c_str());
  }
}

Result<UnixPeer> connect_unix(const std::filesystem::path& file) {
  const std::string& path = file.native();
  const auto address = address_of(path);
  if (!address) {
    return tl::make_unexpected(address.error());
  }
  UnixPeer peer{.socket = make_socket(0)};
  if (!peer.socket || ::connect(peer.socket.get(), generic(*address), sizeof *address) != 0) {
    const int error = errno;
    if (error == ENOENT || error == ECONNREFUSED || error == ENOTDIR) {
      return fail(Code::kUnavailable, "nothing listens on " + path);
    }
    return fail_errno("cannot connect to " + path, error);
  }
  const auto owner = peer_of(peer.socket.get());
  if (!owner || (owner->uid != ::geteuid() && owner->uid != 0 && ::geteuid() != 0)) {
    return fail(Code::kPermission, "what listens on " + path + " is another user's process");
  }
  peer.pid = owner->pid;
  if (::fcntl(peer.socket.get(), F_SETFL, O_NONBLOCK) != 0) {
    return fail_errno("cannot make a socket non-blocking");
  }
  return peer;
}

bool is_trusted_peer(int socket) {
  const auto peer = peer_of(socket);
  return peer && (peer->uid == ::geteuid() || peer->uid == 0);
}

}  // namespace rdev::base
