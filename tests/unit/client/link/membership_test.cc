#include "client/link/membership.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <string>

#include "tests/unit/client/link/link_lab.h"

namespace rdev::link_process {
namespace {

// A link process that says one word and reads when the test says so.
class Member : public testing::Test {
 protected:
  Member() { ::signal(SIGPIPE, SIG_IGN); }  // as the programs do
  void run(awaitable<void> task) { test::run(context_, std::move(task)); }

  awaitable<Result<base::Fd>> connect() { co_return pair(); }
  base::Fd pair() {
    auto [near, far] = test::socket_pair();
    near_ = near.get();
    far_ = std::move(far);
    return std::move(near);
  }
  // What was asked for: the kernel says twice that (socket(7)).
  int held() const {
    int size = 0;
    socklen_t length = sizeof size;
    EXPECT_EQ(::getsockopt(near_, SOL_SOCKET, SO_SNDBUF, &size, &length), 0);
    return size / 2;
  }
  // Sends more than fits to a link process that takes its time, as often as it takes until less is
  // held: on a busy machine nothing may have been written yet when the time is over.
  awaitable<void> hold_less(Membership& member) {
    while (held() > 65536) {
      for (int i = 0; i < 40; ++i) {
        member.endpoint.send(wire::Type::kAskStatus, std::string(32000, 'x'));
      }
      asio::steady_timer pause(context_, std::chrono::milliseconds(2));
      co_await pause.async_wait(use_tuple);
      char buffer[65536];
      while (::recv(far_.get(), buffer, sizeof buffer, 0) > 0) {
        co_await asio::post(context_, asio::use_awaitable);
      }
    }
  }

  asio::io_context context_;
  int near_ = -1;
  base::Fd far_;
};

CO_TEST_F(Member, LetsLittleWaitInFrontOfItsKeystrokesWithEachLinkProcess) {
  auto member = std::make_shared<Membership>(
      context_.get_executor(), pair(), [this] { return connect(); }, AttachOptions{});
  std::string attached;
  wire::append_frame(attached, {.type = wire::Type::kAttached},
                     ::rdev::Attached().SerializeAsString());
  EXPECT_EQ(::send(far_.get(), attached.data(), attached.size(), 0),
            static_cast<ssize_t>(attached.size()));
  EXPECT_TRUE(co_await Membership::join(member, "job"));
  co_await hold_less(*member);
  near_ = -1;
  far_.reset();
  while (near_ < 0) {
    co_await asio::post(context_, asio::use_awaitable);
  }
  EXPECT_GT(held(), 65536);
  co_await hold_less(*member);
  far_.reset();
  member->leave();
  (void)co_await Membership::lost(member);
}

}  // namespace
}  // namespace rdev::link_process
