#include "protocol/base/listener.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "protocol/base/log.h"

namespace rdev::base {
namespace {

using asio::ip::tcp;

constexpr std::chrono::milliseconds kPause{500};

void enable(int socket, int level, int option) {
  const int on = 1;
  // A missing option costs latency or a clear error at bind, not correctness.
  (void)::setsockopt(socket, level, option, &on, sizeof on);
}

// accept(2): what belongs to one connection that is gone already, or to a signal.
bool passes(int error) {
  return error == EINTR || error == ECONNABORTED || error == EPROTO || error == ENETDOWN ||
         error == EHOSTUNREACH || error == ENETUNREACH || error == EPERM;
}

}  // namespace

std::string text(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? '[' + host + ']' : host) + ':' +
         std::to_string(endpoint.port());
}

Result<Fd> listen_tcp(const tcp::endpoint& endpoint) {
  const auto failed = [&](int error) {
    const char* hint = error == EADDRINUSE ? ": choose another port, or stop what listens there"
                       : error == EACCES   ? ": ports below 1024 are root's"
                       : error == EADDRNOTAVAIL ? ": this machine has no such address"
                                                : "";
    auto result = fail_errno("cannot listen on " + text(endpoint), error);
    result.value().message += hint;
    if (error == EADDRNOTAVAIL || error == EAFNOSUPPORT) {
      result.value().code = Code::kUnavailable;
    }
    return result;
  };
  Fd socket(::socket(endpoint.data()->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!socket) {
    return failed(errno);
  }
  enable(socket.get(), SOL_SOCKET, SO_REUSEADDR);
  if (endpoint.address().is_v6()) {
    enable(socket.get(), IPPROTO_IPV6, IPV6_V6ONLY);
  }
  if (::bind(socket.get(), endpoint.data(), static_cast<socklen_t>(endpoint.size())) != 0 ||
      ::listen(socket.get(), SOMAXCONN) != 0) {
    return failed(errno);
  }
  return socket;
}

tcp::endpoint local_endpoint(int socket) {
  tcp::endpoint endpoint;
  auto size = static_cast<socklen_t>(endpoint.capacity());
  if (::getsockname(socket, endpoint.data(), &size) == 0) {
    endpoint.resize(size);
  }
  return endpoint;
}

awaitable<void> accept_loop(int listener, std::function<void(Fd)> accepted,
                            std::function<awaitable<void>()> room) {
  const auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor ready(executor);
  asio::steady_timer pause(executor);
  bool complained = false;
  const auto rest = [&](int error) {
    if (!std::exchange(complained, true)) {
      log_warning("cannot accept connections: they wait until there is room",
                  {{"error", std::strerror(error)}});
    }
    pause.expires_after(kPause);
    return pause.async_wait(use_tuple);
  };
  while (!ready.is_open()) {
    if (Fd own(::fcntl(listener, F_DUPFD_CLOEXEC, 3)); own) {
      ready.assign(own.release());
    } else {
      co_await rest(errno);
    }
  }
  for (;;) {
    if (room) {
      co_await room();
    }
    Fd socket(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
    if (socket) {
      // Keystrokes must not wait for an acknowledgement; a unix socket does not know the option.
      enable(socket.get(), IPPROTO_TCP, TCP_NODELAY);
      accepted(std::move(socket));
      complained = false;
      // What a crowd sends, and what is dropped of it, has its turn before the next of them.
      co_await asio::post(executor, use_tuple);
    } else if (errno == EAGAIN) {
      co_await ready.async_wait(asio::posix::stream_descriptor::wait_read, use_tuple);
    } else if (!passes(errno)) {
      co_await rest(errno);
    }
  }
}

}  // namespace rdev::base
