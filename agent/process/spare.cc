#include "agent/process/spare.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/write.hpp>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "agent/process/child_side.h"
#include "agent/process/order.h"
#include "protocol/base/fd.h"
#include "protocol/base/log.h"

namespace rdev::process {
namespace {

using Descriptor = asio::posix::stream_descriptor;

constexpr std::chrono::seconds kFirstPause{1}, kLongestPause{64};
// in, out, err, the report pipe; then program_fd if there is one.
constexpr std::size_t kFds = 4, kMostFds = kFds + 1;

// Room for the descriptors of one message, aligned as CMSG(3) asks.
union Control {
  cmsghdr alignment;
  std::array<char, CMSG_SPACE(kMostFds * sizeof(int))> bytes;
};

msghdr message_of(iovec& head, Control& control, std::size_t fds) {
  msghdr message{};
  message.msg_iov = &head;
  message.msg_iovlen = 1;
  message.msg_control = control.bytes.data();
  message.msg_controllen = CMSG_SPACE(fds * sizeof(int));
  return message;
}

// The order's size, and its descriptors with it: into an empty socket this never waits.
bool send_head(int socket, const Command& command, int report_fd, std::uint32_t size) {
  const std::array<int, kMostFds> fds{command.in, command.out, command.err, report_fd,
                                      command.program_fd};
  const std::size_t count = command.program_fd >= 0 ? kMostFds : kFds;
  Control control{};
  iovec head{.iov_base = &size, .iov_len = sizeof size};
  const msghdr message = message_of(head, control, count);
  cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(count * sizeof(int));
  std::memcpy(CMSG_DATA(rights), fds.data(), count * sizeof(int));
  return ::sendmsg(socket, &message, MSG_NOSIGNAL) == sizeof size;
}

// False at the socket's end: nobody needs this process any more.
bool receive_head(int socket, std::array<int, kMostFds>& fds, std::uint32_t& size) {
  Control control{};
  iovec head{.iov_base = &size, .iov_len = sizeof size};
  msghdr message = message_of(head, control, kMostFds);
  if (::recvmsg(socket, &message, MSG_CMSG_CLOEXEC | MSG_WAITALL) != sizeof size) {
    return false;
  }
  const cmsghdr* const rights = CMSG_FIRSTHDR(&message);
  if (rights == nullptr || rights->cmsg_len < CMSG_LEN(kFds * sizeof(int))) {
    return false;
  }
  std::memcpy(fds.data(), CMSG_DATA(rights), std::min(rights->cmsg_len - CMSG_LEN(0), sizeof fds));
  return true;
}

std::optional<std::string> receive_text(int socket, std::size_t size) {
  std::string text(size, '\0');
  std::size_t have = 0;
  while (have < size) {
    const ssize_t n = ::read(socket, text.data() + have, size - have);
    if (n <= 0) {
      return std::nullopt;
    }
    have += static_cast<std::size_t>(n);
  }
  return text;
}

}  // namespace

struct Spare::Waiting {
  Waiting(const asio::any_io_executor& executor, Child c, base::Fd fd)
      : child(std::move(c)), socket(executor, fd.release()) {}
  Child child;
  Descriptor socket;
};

awaitable<std::shared_ptr<Spare::Waiting>> Spare::start() {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
    co_return nullptr;
  }
  base::Fd ours(ends[0]);
  const base::Fd theirs(ends[1]);
  Command command{.program = "the spare process",
                  .program_fd = program_,
                  .argv = {"rdev-agent", kSpareArgument},
                  .in = theirs.get(),
                  .out = theirs.get()};
  // No limits: until it is somebody's session it is protected as the agent is.
  const JobLimits none;
  auto child = co_await spawn(reaper_, none, std::move(command));
  if (!child) {
    base::log_debug("no spare process", {{"why", child.error().message}});
    co_return nullptr;
  }
  const auto executor = co_await asio::this_coro::executor;
  co_return std::make_shared<Waiting>(executor, *std::move(child), std::move(ours));
}

awaitable<void> Spare::keep() {
  auto pause = kFirstPause;
  for (;;) {
    const auto waiting = co_await start();
    if (waiting) {
      waiting_ = waiting;
      // It says nothing: this is its end, or aborted when it is taken. (To wait until the socket is
      // readable is not enough: now and then Asio says so of one that is new and is not.)
      char nothing = 0;
      (void)co_await waiting->socket.async_read_some(asio::buffer(&nothing, 1), use_tuple);
      const bool taken = std::exchange(waiting_, nullptr) == nullptr;
      const auto state = co_await asio::this_coro::cancellation_state;
      if (state.cancelled() != asio::cancellation_type::none) {
        co_return;
      }
      if (taken) {
        pause = kFirstPause;
        continue;
      }
    }
    retry_.expires_after(pause);
    co_await retry_.async_wait(use_tuple);
    pause = std::min(2 * pause, kLongestPause);
  }
}

void Spare::room_seen() {
  if (!waiting_) {
    retry_.cancel();
  }
}

awaitable<std::optional<Child>> Spare::become(const Command& command, const JobLimits& limits,
                                              int report_fd) {
  const auto taken = std::exchange(waiting_, nullptr);
  if (!taken || taken->child.ended()) {
    co_return std::nullopt;
  }
  taken->socket.cancel();
  const std::string text = encode(command, limits);
  if (!send_head(taken->socket.native_handle(), command, report_fd,
                 static_cast<std::uint32_t>(text.size()))) {
    co_return std::nullopt;
  }
  const auto [error, n] = co_await asio::async_write(taken->socket, asio::buffer(text), use_tuple);
  if (error) {
    co_return std::nullopt;
  }
  base::log_info("a session takes the spare process: there is no room for another");
  co_return taken->child;
}

int run_spare(int socket) {
  std::array<int, kMostFds> fds{-1, -1, -1, -1, -1};
  std::uint32_t size = 0;
  if (!receive_head(socket, fds, size)) {
    return 0;
  }
  const auto text = receive_text(socket, size);
  auto order = text ? decode(*text) : std::nullopt;
  if (!order) {
    return kCannotRun;
  }
  Command& command = order->command;
  command.in = fds[0];
  command.out = fds[1];
  command.err = fds[2];
  command.program_fd = command.program_fd >= 0 ? fds[4] : -1;
  run_child(Prepared(command, order->limits, fds[3]));
}

}  // namespace rdev::process
