#include "tests/unit/protocol/sshd/server_lab.h"

namespace rdev::sshd {

awaitable<void> ServerTest::log_in_and_ask() {
  const auto client = co_await connected();
  const auto who = co_await client->exec("who");
  const std::string out = co_await read_all(**who);
  EXPECT_EQ(out, "rdev " + user_key.public_key().fingerprint() + " unix");
  const std::string err = co_await read_all(**who, Lane::kStderr);
  EXPECT_EQ(err, "oops");
  const auto status = co_await (*who)->read_event();
  EXPECT_EQ(std::get<stream::ExitStatus>(status.value()).code, 7u);
  const std::string command(150'000, 'x');
  const auto long_one = co_await client->exec(command);
  const std::string size = co_await read_all(**long_one);
  EXPECT_EQ(size, "150000");
  const auto subsystem = co_await client->subsystem("echo");
  EXPECT_TRUE(subsystem);
  co_await client->disconnect();
  const auto late = co_await client->exec("who");
  EXPECT_EQ(late.error().code, Code::kClosed);
}
TEST_F(ServerTest, LogsInAndRunsCommands) {
  make_server();
  test::run(context, log_in_and_ask());
}

awaitable<void> ServerTest::wrong_user_key() {
  const ssh::PrivateKey other = ssh::PrivateKey::generate();
  const auto key = co_await ssh::Client::connect(
      dial(), ssh::ClientOptions{.user = "rdev", .host_key = host_public}, other);
  EXPECT_EQ(key.error().code, Code::kPermission);
  EXPECT_THAT(key.error().message, HasSubstr(other.public_key().fingerprint()));
  const auto user = co_await ssh::Client::connect(
      dial(), ssh::ClientOptions{.user = "root", .host_key = host_public}, user_key);
  EXPECT_EQ(user.error().code, Code::kPermission);
}
TEST_F(ServerTest, RefusesTheWrongKeyAndTheWrongUser) {
  make_server();
  test::run(context, wrong_user_key());
}

struct Silent final : ssh::Transport::Owner {
  explicit Silent(const asio::any_io_executor& executor) : changed(executor) {}
  void on_packet(ssh::Message, std::string_view) override {}
  void on_writable() override {}
  void on_closed(const Error& why) override {
    closed = why.message;
    changed.notify();
  }
  std::string closed;
  base::Notify changed;
};

awaitable<void> ServerTest::six_tries() {
  Silent owner(context.get_executor());
  const auto transport =
      ssh::Transport::connect(context.get_executor(), dial(), "rdev", owner).value();
  EXPECT_TRUE(co_await transport->handshake(host_public));
  const ssh::PrivateKey wrong = ssh::PrivateKey::generate();
  for (int i = 0; i < 5; ++i) {
    const auto refused = co_await transport->authenticate(wrong);
    EXPECT_EQ(refused.error().code, Code::kPermission) << i;
  }
  const auto cut = co_await transport->authenticate(wrong);
  EXPECT_THAT(cut.error().message, HasSubstr("too many authentication failures"));
  const auto late = co_await transport->authenticate(user_key);
  EXPECT_FALSE(late);
  transport->detach();
}
TEST_F(ServerTest, CutsOffAfterSixTries) {
  make_server();
  test::run(context, six_tries());
}

// What waits for a peer that does not read is bounded: the sender gives up.
awaitable<void> ServerTest::nobody_reads() {
  Silent owner(context.get_executor());
  const auto transport =
      ssh::Transport::connect(context.get_executor(), dial(), "rdev", owner).value();
  EXPECT_TRUE(co_await transport->handshake(host_public));
  EXPECT_TRUE(co_await transport->authenticate(user_key));
  const std::string ignore =
      ssh::Writer().u8(2).string(std::string(32'000, 'x')).take();  // SSH_MSG_IGNORE
  for (int i = 0; i < 100; ++i) {
    transport->send(ignore, {});  // no await: the server has no chance to read
  }
  EXPECT_TRUE(transport->congested());
  while (owner.closed.empty()) {
    for (int i = 0; i < 100; ++i) {
      transport->send(ignore, {});
    }
    co_await asio::post(context, use_tuple);
  }
  EXPECT_THAT(owner.closed, HasSubstr("do not read"));
}
TEST_F(ServerTest, GivesUpOnAPeerThatDoesNotRead) {
  make_server();
  test::run(context, nobody_reads());
}

awaitable<void> ServerTest::wrong_host_key() {
  const ssh::PublicKey other = ssh::PrivateKey::generate().public_key();
  const auto client = co_await ssh::Client::connect(
      dial(), ssh::ClientOptions{.user = "rdev", .host_key = other}, user_key);
  EXPECT_EQ(client.error().code, Code::kPermission);
  EXPECT_THAT(client.error().message, HasSubstr(other.fingerprint()));
  EXPECT_THAT(client.error().message, HasSubstr(host_public.fingerprint()));
  EXPECT_EQ(keys.asked, 0);  // nothing was shown to the stranger
}
TEST_F(ServerTest, TheClientRefusesAnotherHostKey) {
  make_server();
  test::run(context, wrong_host_key());
}

awaitable<Result<void>> until_end(int fd) {
  asio::posix::stream_descriptor descriptor(co_await asio::this_coro::executor, ::dup(fd));
  char buffer[4096];
  for (;;) {
    const auto [error, n] = co_await descriptor.async_read_some(asio::buffer(buffer), use_tuple);
    if (error) {
      co_return Result<void>{};
    }
  }
}

awaitable<void> ServerTest::grace(base::Fd silent) {
  const auto ended = co_await base::with_timeout(until_end(silent.get()), std::chrono::seconds(20),
                                                 "the server's patience");
  EXPECT_TRUE(ended);
  EXPECT_EQ(server->connections(), 0u);
}
TEST_F(ServerTest, CutsOffWhoDoesNotLogInInTime) {
  make_server({.login_grace = std::chrono::seconds(0)});
  test::run(context, grace(dial()));
}

awaitable<void> ServerTest::too_many_unauthenticated() {
  const base::Fd first = dial();
  const base::Fd second = dial();
  EXPECT_EQ(server->connections(), 2u);
  // One of the two goes; who has a key gets in.
  const auto client = co_await connected();
  while (server->connections() > 2) {
    co_await asio::post(co_await asio::this_coro::executor, use_tuple);
  }
  EXPECT_EQ(server->connections(), 2u);
  // Somebody has looked at this one already: it is not counted, and pushes nobody out.
  int ends[2];
  EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  server->serve(base::Fd(ends[0]), "let in");
  const base::Fd inner(ends[1]);
  EXPECT_EQ(server->connections(), 3u);
}
TEST_F(ServerTest, BoundsThoseWhoAreNotLoggedIn) {
  make_server({.startups = {.begin = 2, .percent = 100, .full = 2}});
  test::run(context, too_many_unauthenticated());
}

TEST(Startups, AreThoseOfMaxStartups) {
  const Startups startups;
  EXPECT_EQ(startups.chance(9), 0u);
  EXPECT_EQ(startups.chance(10), 30u);
  EXPECT_EQ(startups.chance(55), 65u);
  EXPECT_EQ(startups.chance(99), 99u);
  EXPECT_EQ(startups.chance(100), 100u);
  EXPECT_EQ(startups.chance(1000), 100u);
}

// Bytes that differ everywhere, from a counter.

}  // namespace rdev::sshd
