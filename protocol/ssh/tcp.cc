#include "protocol/ssh/tcp.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdlib>

namespace rdev::ssh {
namespace {

// What the kernel may hold unsent waits in front of the next keystroke. It wakes us at a half, so
// at least what a turn of ours takes.
constexpr int kFirstUnsent = 32768;
constexpr int kLeastUnsent = 8192, kMostUnsent = 1 << 20;
constexpr std::uint64_t kUnsentPerSecond = 1000;  // of the rate: 1 ms
// Between two looks at the connection.
constexpr std::chrono::milliseconds kLeastPause{2};
constexpr int kLooksPerRoundTrip = 8;

}  // namespace

Tcp::Tcp(int fd) {
  // These fail on a unix socket, which needs none.
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (::setsockopt(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &kFirstUnsent, sizeof kFirstUnsent) == 0) {
    fd_ = fd;
    unsent_ = kFirstUnsent;
  }
}

void Tcp::acknowledge_at_once() const {
  const int on = 1;
  if (fd_ >= 0) {
    ::setsockopt(fd_, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on);
  }
}

void Tcp::sent() {
  const auto now = std::chrono::steady_clock::now();
  if (fd_ < 0 || now < looked_ + pause_) {
    return;
  }
  tcp_info info{};
  socklen_t size = sizeof info;
  if (::getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size) != 0) {
    return;
  }
  using Microseconds = Rate::Microseconds;
  looked_ = now;
  pause_ = std::max<std::chrono::steady_clock::duration>(
      kLeastPause, Microseconds(info.tcpi_rtt / kLooksPerRoundTrip));
  if (rate_.look(now, {.round_trip = Microseconds(info.tcpi_rtt),
                       .acknowledged = info.tcpi_bytes_acked,
                       .busy = info.tcpi_notsent_bytes > 0})) {
    keep_unsent(static_cast<int>(
        std::clamp<std::uint64_t>(rate_.value() / kUnsentPerSecond, kLeastUnsent, kMostUnsent)));
  }
}

void Tcp::keep_unsent(int bytes) {
  if (std::abs(bytes - unsent_) > unsent_ / 4) {
    unsent_ = bytes;
    ::setsockopt(fd_, IPPROTO_TCP, TCP_NOTSENT_LOWAT, &bytes, sizeof bytes);
  }
}

}  // namespace rdev::ssh
