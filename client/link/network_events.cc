#include "client/link/network_events.h"

#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cerrno>
#include <cstdint>
#include <utility>

#include "client/link/netlink_news.h"
#include "protocol/base/fd.h"

namespace rdev::link_process {
namespace {

using std::chrono::nanoseconds;

// A new network is a burst: a device, its addresses, its routes.
constexpr std::chrono::milliseconds kBurst{100};
// The kernel's own bound of what it puts into one datagram (NLMSG_GOODSIZE) is below.
constexpr std::size_t kMaxDatagram = 32768;
// Clocks are read one after the other.
constexpr std::chrono::milliseconds kNoSleep{500};

Result<base::Fd> route_socket() {
  base::Fd fd(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE));
  sockaddr_nl where{};
  where.nl_family = AF_NETLINK;
  where.nl_groups =
      RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR | RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE;
  if (!fd || ::bind(fd.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where) != 0) {
    return fail_errno(
        "cannot listen to the kernel's network events; a changed network is noticed later");
  }
  return fd;
}

// What has come, in a few words; empty when nothing of it matters.
Result<std::string> read_all(int fd, NetlinkNews& memory) {
  std::array<char, kMaxDatagram> buffer;
  std::string news;
  for (;;) {
    sockaddr_nl from{};
    socklen_t length = sizeof from;
    const ssize_t n = ::recvfrom(fd, buffer.data(), buffer.size(), MSG_TRUNC,
                                 reinterpret_cast<sockaddr*>(&from), &length);
    if (n < 0 && errno == EAGAIN) {
      return news;
    }
    std::string one;
    if ((n < 0 && errno == ENOBUFS) || n > static_cast<ssize_t>(buffer.size())) {
      one = "the network changed";  // more than could be told
    } else if (n < 0 && errno != EINTR) {
      return fail_errno("reading the kernel's network events");
    } else if (n > 0 && from.nl_pid == 0) {  // the kernel's own
      one = memory.read({buffer.data(), static_cast<std::size_t>(n)});
    }
    news = news.empty() ? one : news;
  }
}

nanoseconds read_clock(clockid_t id) {
  timespec now{};
  ::clock_gettime(id, &now);
  return std::chrono::seconds(now.tv_sec) + nanoseconds(now.tv_nsec);
}

// Becomes readable after `period`, and at once when the machine wakes or its clock is set: the
// kernel takes the one for the other (timekeeping_resume()).
Result<void> arm(int fd, nanoseconds period) {
  const nanoseconds until = read_clock(CLOCK_REALTIME) + period;
  itimerspec when{};
  when.it_value.tv_sec = static_cast<time_t>(until.count() / std::nano::den);
  when.it_value.tv_nsec = static_cast<long>(until.count() % std::nano::den);
  if (::timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &when, nullptr) != 0) {
    return fail_errno("cannot watch for the machine's sleep");
  }
  return {};
}

awaitable<Result<void>> readable(asio::posix::stream_descriptor& descriptor, const char* what) {
  const auto [error] =
      co_await descriptor.async_wait(asio::posix::stream_descriptor::wait_read, use_tuple);
  if (error) {
    co_return fail_errno(what, error.value());
  }
  co_return Result<void>{};
}

}  // namespace

awaitable<Result<void>> watch_network(TellEvent tell) {
  auto socket = route_socket();
  if (!socket) {
    co_return tl::make_unexpected(socket.error());
  }
  const auto executor = co_await asio::this_coro::executor;
  asio::posix::stream_descriptor descriptor(executor, socket->release());
  asio::steady_timer burst(executor);
  NetlinkNews memory;
  for (;;) {
    if (auto ready = co_await readable(descriptor, "waiting for network events"); !ready) {
      co_return ready;
    }
    const auto news = read_all(descriptor.native_handle(), memory);
    if (!news) {
      co_return tl::make_unexpected(news.error());
    }
    if (!news->empty()) {
      tell(*news);
      burst.expires_after(kBurst);
      co_await burst.async_wait(asio::use_awaitable);
    }
  }
}

SleepOptions this_machine() {
  return {.asleep = [] { return read_clock(CLOCK_BOOTTIME) - read_clock(CLOCK_MONOTONIC); }};
}

awaitable<Result<void>> watch_sleep(SleepOptions options, TellEvent tell) {
  base::Fd timer(::timerfd_create(CLOCK_REALTIME, TFD_CLOEXEC | TFD_NONBLOCK));
  if (!timer) {
    co_return fail_errno("cannot watch for the machine's sleep");
  }
  asio::posix::stream_descriptor descriptor(co_await asio::this_coro::executor, timer.release());
  nanoseconds before = options.asleep();
  for (;;) {
    if (auto armed = arm(descriptor.native_handle(), options.period); !armed) {
      co_return armed;
    }
    if (auto ready = co_await readable(descriptor, "waiting for the machine's sleep"); !ready) {
      co_return ready;
    }
    const nanoseconds asleep = options.asleep();
    if (asleep - before > kNoSleep) {
      const auto seconds = std::chrono::round<std::chrono::seconds>(asleep - before);
      tell("this machine slept for " + std::to_string(seconds.count()) + " s");
    }
    before = asleep;
  }
}

}  // namespace rdev::link_process
