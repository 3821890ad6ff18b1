#include "protocol/base/relay.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <memory>
#include <thread>

namespace rdev::base {
namespace {

constexpr std::size_t kBufferBytes = std::size_t{256} * 1024;

void wait_until(int fd, short events) {
  pollfd ready{.fd = fd, .events = events, .revents = 0};
  ::poll(&ready, 1, -1);
}

void copy_up(int in, int socket) {
  copy(in, socket);
  ::shutdown(socket, SHUT_WR);
}

}  // namespace

bool write_all(int fd, const char* bytes, std::size_t size) {
  while (size > 0) {
    const ssize_t n = ::write(fd, bytes, size);
    if (n >= 0) {
      bytes += n;
      size -= static_cast<std::size_t>(n);
    } else if (errno == EAGAIN) {
      wait_until(fd, POLLOUT);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

void copy(int from, int to) {
  const auto buffer = std::make_unique_for_overwrite<char[]>(kBufferBytes);
  for (;;) {
    const ssize_t n = ::read(from, buffer.get(), kBufferBytes);
    if (n > 0) {
      if (!write_all(to, buffer.get(), static_cast<std::size_t>(n))) {
        return;
      }
    } else if (n < 0 && errno == EAGAIN) {
      wait_until(from, POLLIN);
    } else if (n == 0 || errno != EINTR) {
      return;
    }
  }
}

void relay(int in, int out, Fd socket) {
  ::signal(SIGPIPE, SIG_IGN);  // one direction may end before the other
  const int fd = socket.release();
  std::thread(copy_up, in, fd).detach();
  copy(fd, out);
}

}  // namespace rdev::base
