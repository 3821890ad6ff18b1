#include "tests/unit/protocol/sshd/server_lab.h"

namespace rdev::sshd {

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
  test::run(context, echo_both_ways(std::size_t{64} << 20U));
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

}  // namespace rdev::sshd
