#include "client/commands/relay.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <csignal>
#include <memory>
#include <thread>
#include <vector>

namespace rdev::commands {
namespace {

constexpr std::size_t kBufferBytes = 256U << 10U;

// For descriptors that somebody else made non-blocking.
void wait_until(int fd, short events) {
  pollfd ready{.fd = fd, .events = events, .revents = 0};
  ::poll(&ready, 1, -1);
}

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

// Until `from` ends or `to` takes no more.
void copy(int from, int to) {
  std::vector<char> buffer(kBufferBytes);
  for (;;) {
    const ssize_t n = ::read(from, buffer.data(), buffer.size());
    if (n > 0) {
      if (!write_all(to, buffer.data(), static_cast<std::size_t>(n))) {
        return;
      }
    } else if (n < 0 && errno == EAGAIN) {
      wait_until(from, POLLIN);
    } else if (n == 0 || errno != EINTR) {
      return;
    }
  }
}

void copy_up(int socket) {
  copy(STDIN_FILENO, socket);
  ::shutdown(socket, SHUT_WR);
}

}  // namespace

awaitable<void> relay_stdio(base::Fd socket) {
  std::signal(SIGPIPE, SIG_IGN);
  const int fd = socket.release();
  auto executor = co_await asio::this_coro::executor;
  auto ended =
      std::make_shared<asio::steady_timer>(executor, asio::steady_timer::time_point::max());
  std::thread(copy_up, fd).detach();
  std::thread([fd, ended, executor] {
    copy(fd, STDOUT_FILENO);
    asio::post(executor, [ended] { ended->cancel(); });
  }).detach();
  (void)co_await ended->async_wait(use_tuple);
}

}  // namespace rdev::commands
