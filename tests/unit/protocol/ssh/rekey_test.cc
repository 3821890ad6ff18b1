#include <gtest/gtest.h>
#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>

#include "protocol/base/notify.h"
#include "protocol/ssh/transport.h"
#include "tests/unit/run.h"

namespace rdev::ssh {
namespace {

// A transport's owner that lets everybody in. Nothing here fills a socket: a sender that is told to
// go on was held up by an exchange of keys.
struct Side final : Transport::Owner {
  explicit Side(const asio::any_io_executor& executor) : changed(executor) {}
  bool may_login(std::string_view, const PublicKey&, Transport::Proof) override { return true; }
  void on_packet(Message, std::string_view payload) override {
    bytes += payload.size();
    changed.notify();
  }
  void on_writable() override {
    ++exchanges;
    changed.notify();
  }
  void on_closed(const Error& why) override {
    closed = why;
    changed.notify();
  }
  std::size_t bytes = 0;
  int exchanges = 0;
  std::optional<Error> closed;
  base::Notify changed;
};

class Rekey : public testing::Test {
 protected:
  void connect(const Transport::Rekey& rekey) {
    int ends[2];
    ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends), 0);
    server_ =
        Transport::serve(context_.get_executor(), base::Fd(ends[0]),
                         {.host_key = key_, .software = "test_1.00", .rekey = rekey}, server_side_)
            .value();
    client_ = Transport::connect(context_.get_executor(), base::Fd(ends[1]), "rdev", client_side_)
                  .value();
    test::run(context_, log_in());
    // Those of the login.
    server_side_.exchanges = client_side_.exchanges = 0;
  }
  ~Rekey() override {
    server_->detach();
    client_->detach();
    context_.restart();
    context_.run();
  }

  awaitable<void> log_in() {
    EXPECT_TRUE(co_await client_->handshake(key_.public_key()));
    EXPECT_TRUE(co_await client_->authenticate(key_));
  }
  // One packet, and its arrival.
  static awaitable<void> pass(Transport& from, Side& to) {
    const std::string body(1000, 'x');
    const std::size_t before = to.bytes;
    from.send("\x50", body);
    while (to.bytes == before && !to.closed) {
      co_await to.changed.wait();
    }
  }
  awaitable<void> pass_many(int rounds) {
    for (int i = 0; i < rounds; ++i) {
      co_await pass(*client_, server_side_);
      co_await pass(*server_, client_side_);
    }
  }
  awaitable<void> pass_after(std::chrono::milliseconds pause) {
    asio::steady_timer timer(context_, pause);
    co_await timer.async_wait(use_tuple);
    co_await pass(*client_, server_side_);
    while (server_side_.exchanges == 0 && !server_side_.closed) {
      co_await server_side_.changed.wait();
    }
    co_await pass(*server_, client_side_);
  }

  asio::io_context context_;
  const PrivateKey key_ = PrivateKey::generate();
  Side server_side_{context_.get_executor()}, client_side_{context_.get_executor()};
  std::shared_ptr<Transport> server_, client_;
};

TEST_F(Rekey, TheServerAsksAfterSoManyBytes) {
  connect({.bytes = std::uint64_t{32} * 1024});
  test::run(context_, pass_many(300));
  EXPECT_GE(server_side_.exchanges, 8);
  EXPECT_FALSE(server_side_.closed);
  EXPECT_EQ(server_side_.bytes, 300'000U);
  EXPECT_EQ(client_side_.bytes, 300'000U);
}

TEST_F(Rekey, TheServerAsksAfterSoMuchTime) {
  connect({.time = std::chrono::seconds(3)});
  test::run(context_, pass_many(10));
  EXPECT_EQ(server_side_.exchanges, 0);
  test::run(context_, pass_after(std::chrono::milliseconds(3100)));
  EXPECT_EQ(server_side_.exchanges, 1);
  EXPECT_FALSE(server_side_.closed);
}

TEST_F(Rekey, NobodyAsksWithoutNeed) {
  connect({});
  test::run(context_, pass_many(300));
  EXPECT_EQ(server_side_.exchanges, 0);
}

}  // namespace
}  // namespace rdev::ssh
