#include "protocol/sshd/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <vector>

#include "protocol/base/log.h"
#include "protocol/base/notify.h"
#include "protocol/base/with_timeout.h"
#include "protocol/ssh/client.h"
#include "protocol/ssh/transport.h"
#include "protocol/ssh/wire.h"
#include "tests/unit/protocol/run.h"

// Server and Client in one process, over socketpairs.
namespace rdev::sshd {
namespace {

using stream::Lane;
using testing::HasSubstr;

struct Keys final : Authorizer {
  bool may_login(const std::string& user, const ssh::PublicKey& key) override {
    ++asked;
    return user == "rdev" && std::find(good.begin(), good.end(), key) != good.end();
  }
  std::vector<ssh::PublicKey> good;
  int asked = 0;
};

awaitable<void> echo(stream::Stream& stream) {
  std::vector<char> buffer(65536);
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer));
    if (!n || *n == 0) {
      break;
    }
    if (!co_await stream.write(asio::buffer(buffer.data(), *n))) {
      break;
    }
  }
}

awaitable<void> serve_exec(const Peer& peer, SessionStart start,
                           std::unique_ptr<stream::Offer> offer) {
  if (start.command == "refuse") {
    offer->refuse(stream::Refusal::kProhibited, "not today");
    co_return;
  }
  const auto stream = offer->accept();
  if (start.command == "echo") {
    co_await echo(*stream);
  } else if (start.command == "stall") {
    co_await stream->read_event();  // never reads data
  } else if (start.command == "who") {
    const std::string text = peer.user + " " + peer.key_fingerprint + " " + peer.remote_address;
    co_await stream->write(asio::buffer(text));
    co_await stream->write(asio::buffer("oops", 4), Lane::kStderr);
  } else {
    const std::string text = std::to_string(start.command.size());
    co_await stream->write(asio::buffer(text));
  }
  stream->write_eof();
  stream->send_event(stream::ExitStatus{7});
  stream->close();
}

awaitable<void> serve_tcp(const Peer&, TcpTarget target, std::unique_ptr<stream::Offer> offer) {
  if (target.port == 1) {
    offer->refuse(stream::Refusal::kConnectFailed, "no route to " + target.host);
    co_return;
  }
  const auto stream = offer->accept();
  co_await echo(*stream);
}

class ServerTest : public testing::Test {
 protected:
  ServerTest() {
    base::set_log_level(base::LogLevel::kOff);
    keys.good.push_back(user_key.public_key());
  }
  ~ServerTest() override {
    if (server) {
      test::run(context, server->stop());
      EXPECT_EQ(server->connections(), 0u);
    }
    server.reset();
    context.restart();
    context.run();
    base::set_log_level(base::LogLevel::kInfo);
  }
  void make_server(Limits limits = {}) {
    Services services;
    services.exec = serve_exec;
    services.subsystems["echo"] = serve_exec;
    services.direct_tcpip = serve_tcp;
    server.emplace(context.get_executor(), ssh::PrivateKey::from_seed(host_seed).value(), keys,
                   std::move(services), limits);
  }
  // The client's end of a connection that the server serves.
  base::Fd dial() {
    int ends[2];
    EXPECT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
    server->serve(base::Fd(ends[0]));
    return base::Fd(ends[1]);
  }
  awaitable<Result<std::unique_ptr<ssh::Client>>> connect() {
    return ssh::Client::connect(dial(), {.user = "rdev", .host_key = host_public}, user_key);
  }
  awaitable<std::unique_ptr<ssh::Client>> connected() {
    auto client = co_await connect();
    if (!client) {
      throw std::runtime_error(client.error().message);
    }
    co_return std::move(*client);
  }

  asio::io_context context;
  const ssh::Seed host_seed = ssh::random_seed();
  const ssh::PublicKey host_public = ssh::PrivateKey::from_seed(host_seed)->public_key();
  const ssh::PrivateKey user_key = ssh::PrivateKey::generate();
  Keys keys;
  std::optional<Server> server;

 public:
  awaitable<void> log_in_and_ask();
  awaitable<void> wrong_user_key();
  awaitable<void> wrong_host_key();
  awaitable<void> six_tries();
  awaitable<void> nobody_reads();
  awaitable<void> grace(base::Fd silent);
  awaitable<void> echo_both_ways(std::size_t size);
  awaitable<void> refusals();
  awaitable<void> forwards();
  awaitable<void> stalled_channel();
  awaitable<void> many_channels();
  awaitable<void> cut();
  awaitable<void> open_and_close(int rounds);
  awaitable<void> connect_and_go(int rounds);
  awaitable<void> too_many_unauthenticated();
};

awaitable<std::string> read_all(stream::Stream& stream, Lane lane = Lane::kData) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto n = co_await stream.read(asio::buffer(buffer), lane);
    if (!n || *n == 0) {
      co_return text;
    }
    text.append(buffer, *n);
  }
}

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
  const base::Fd third = dial();
  co_await until_end(third.get());
  EXPECT_EQ(server->connections(), 2u);
}
TEST_F(ServerTest, BoundsThoseWhoAreNotLoggedIn) {
  make_server({.unauthenticated = 2});
  test::run(context, too_many_unauthenticated());
}

// Bytes that differ everywhere, from a counter.
void fill(std::vector<char>& bytes, std::uint64_t& state) {
  for (char& byte : bytes) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
}

class Hash final {
 public:
  Hash() { EVP_DigestInit_ex(context_.get(), EVP_sha256(), nullptr); }
  void add(const char* bytes, std::size_t size) { EVP_DigestUpdate(context_.get(), bytes, size); }
  std::string result() {
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned size = 0;
    EVP_DigestFinal_ex(context_.get(), digest, &size);
    return {reinterpret_cast<const char*>(digest), size};
  }

 private:
  struct Free {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
  };
  std::unique_ptr<EVP_MD_CTX, Free> context_{EVP_MD_CTX_new()};
};

awaitable<void> send_random(stream::Stream& stream, std::size_t size, Hash& hash) {
  std::uint64_t state = 1;
  std::vector<char> bytes(100'000);
  while (size > 0) {
    bytes.resize(std::min(bytes.size(), size));
    fill(bytes, state);
    hash.add(bytes.data(), bytes.size());
    if (!co_await stream.write(asio::buffer(bytes))) {
      co_return;
    }
    size -= bytes.size();
  }
  stream.write_eof();
}

awaitable<void> ServerTest::echo_both_ways(std::size_t size) {
  const auto client = co_await connected();
  const auto stream = co_await client->exec("echo");
  base::TaskGroup group(context.get_executor());
  Hash sent, got;
  group.spawn("send", send_random(**stream, size, sent));
  std::vector<char> buffer(65536);
  std::size_t total = 0;
  for (;;) {
    const auto n = co_await (*stream)->read(asio::buffer(buffer));
    if (!n || *n == 0) {
      break;
    }
    got.add(buffer.data(), *n);
    total += *n;
  }
  co_await group.wait();
  EXPECT_EQ(total, size);
  EXPECT_EQ(got.result(), sent.result());
}
TEST_F(ServerTest, EchoesBothWaysWithoutLoss) {
  make_server();
  test::run(context, echo_both_ways(64 * 1024 * 1024));
}

awaitable<void> ServerTest::refusals() {
  const auto client = co_await connected();
  const auto exec = co_await client->exec("refuse");
  EXPECT_THAT(exec.error().message, HasSubstr("not today"));
  const auto subsystem = co_await client->subsystem("none");
  EXPECT_EQ(subsystem.error().code, Code::kUnavailable);
  const auto tcp = co_await client->direct_tcpip("db", 1);
  EXPECT_THAT(tcp.error().message, HasSubstr("no route to db"));
  const auto good = co_await client->exec("who");
  EXPECT_TRUE(good);
}
TEST_F(ServerTest, RefusalsSayWhyAndLeaveTheConnection) {
  make_server();
  test::run(context, refusals());
}

awaitable<void> ServerTest::forwards() {
  const auto client = co_await connected();
  const auto stream = co_await client->direct_tcpip("localhost", 80);
  co_await (*stream)->write(asio::buffer("ping", 4));
  (*stream)->write_eof();
  const std::string back = co_await read_all(**stream);
  EXPECT_EQ(back, "ping");
}
TEST_F(ServerTest, ForwardsWithHalfClose) {
  make_server();
  test::run(context, forwards());
}

awaitable<void> write_for_ever(stream::Stream& stream, std::size_t& sent) {
  const std::vector<char> bytes(32768);
  while (co_await stream.write(asio::buffer(bytes))) {
    sent += bytes.size();
  }
}

awaitable<void> ServerTest::stalled_channel() {
  const auto client = co_await connected();
  auto stalled = co_await client->exec("stall");
  base::TaskGroup group(context.get_executor());
  std::size_t sent = 0;
  group.spawn("write", write_for_ever(**stalled, sent));
  // The same connection goes on beside it.
  for (int i = 0; i < 200; ++i) {
    const auto stream = co_await client->direct_tcpip("localhost", 80);
    co_await (*stream)->write(asio::buffer("ping", 4));
    (*stream)->write_eof();
    const std::string back = co_await read_all(**stream);
    EXPECT_EQ(back, "ping");
  }
  EXPECT_EQ(sent, 2u * 1024 * 1024);  // the window, and not one byte more
  stalled->reset();
  co_await group.wait();
}
TEST_F(ServerTest, AStalledChannelHoldsItsWindowAndNobodyElse) {
  make_server();
  test::run(context, stalled_channel());
}

awaitable<void> ServerTest::many_channels() {
  const auto client = co_await connected();
  std::vector<std::unique_ptr<stream::Stream>> streams;
  for (int i = 0; i < 100; ++i) {
    auto stream = co_await client->exec("echo");
    streams.push_back(std::move(*stream));
  }
  for (auto& stream : streams) {
    co_await stream->write(asio::buffer("hello", 5));
    stream->write_eof();
  }
  for (auto& stream : streams) {
    const std::string back = co_await read_all(*stream);
    EXPECT_EQ(back, "hello");
  }
}
TEST_F(ServerTest, ServesAHundredChannelsAtOnce) {
  make_server();
  test::run(context, many_channels());
}

awaitable<void> ServerTest::open_and_close(int rounds) {
  const auto client = co_await connected();
  for (int i = 0; i < rounds; ++i) {
    const auto stream = co_await client->exec("echo");
    if (i % 3 == 0) {
      continue;  // dropped at once
    }
    co_await (*stream)->write(asio::buffer("x", 1));
    if (i % 3 == 1) {
      (*stream)->close();
    }
  }
  const auto last = co_await client->exec("who");
  EXPECT_TRUE(last);  // the table is not full of dead channels
}
TEST_F(ServerTest, ChannelsComeAndGo) {
  make_server({.sessions_per_connection = 50});
  test::run(context, open_and_close(3000));
}

awaitable<void> ServerTest::connect_and_go(int rounds) {
  for (int i = 0; i < rounds; ++i) {
    const auto client = co_await connected();
    const auto stream = co_await client->exec("stall");
    EXPECT_TRUE(stream);
  }
}
TEST_F(ServerTest, ConnectionsComeAndGoInAnyState) {
  make_server();
  test::run(context, connect_and_go(50));
}

awaitable<void> ServerTest::cut() {
  base::Fd socket = dial();
  const base::Fd same(::dup(socket.get()));
  const auto client = co_await ssh::Client::connect(
      std::move(socket), ssh::ClientOptions{.user = "rdev", .host_key = host_public}, user_key);
  const auto stream = co_await (*client)->exec("stall");
  ::shutdown(same.get(), SHUT_RDWR);
  char byte;
  const auto n = co_await (*stream)->read(asio::buffer(&byte, 1));
  EXPECT_EQ(n.error().code, Code::kClosed);
  const auto event = co_await (*stream)->read_event();
  EXPECT_EQ(event.error().code, Code::kClosed);
}
TEST_F(ServerTest, ACutConnectionFailsItsStreams) {
  make_server();
  test::run(context, cut());
}

}  // namespace
}  // namespace rdev::sshd
