#include "agent/services/listeners.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>
#include <list>

#include "protocol/base/listener.h"
#include "protocol/stream/fake.h"
#include "tests/unit/agent/temporary.h"
#include "tests/unit/run.h"

namespace rdev::services {
namespace {

using asio::ip::make_address, asio::ip::tcp;
using local = asio::local::stream_protocol;
using testing::HasSubstr;

// And how it ended, if that was no end.
template <class Socket>
awaitable<std::string> read_all(Socket& from) {
  std::string text;
  const auto [error, n] = co_await asio::async_read(from, asio::dynamic_buffer(text), use_tuple);
  co_return error == asio::error::eof ? text : text + "(" + error.message() + ")";
}

awaitable<std::string> read_stream(stream::Stream& from) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const auto n = co_await from.read(asio::buffer(buffer));
    if (!n || *n == 0) {
      co_return text;
    }
    text.append(buffer, *n);
  }
}

awaitable<bool> write_stream(stream::Stream& to, std::string_view text) {
  co_return (co_await to.write(asio::buffer(text))).has_value();
}

awaitable<bool> empty(base::TaskGroup& tasks) {
  co_await tasks.wait();
  co_return true;
}

awaitable<bool> stopped(Listeners& listeners) {
  co_await listeners.stop();
  co_return true;
}

// What the laptop sees of one listening stream.
struct Laptop {
  explicit Laptop(const asio::any_io_executor& e) : executor(e), changed(e) {}
  asio::any_io_executor executor;
  base::Notify changed;
  std::unique_ptr<stream::Stream> listening;  // once it was accepted
  std::uint16_t port = 0;
  std::optional<std::string> refused;
  bool answers = true;  // to what comes back
  std::optional<Error> refuses;
  std::list<Originator> asked;
  std::list<std::unique_ptr<stream::Stream>> opened;
};

class FakePeer final : public ListenPeer {
 public:
  explicit FakePeer(Laptop& laptop) : laptop_(laptop) {}

  std::unique_ptr<stream::Stream> bound(std::uint16_t port) override {
    auto [ours, theirs] = stream::make_pair(laptop_.executor);
    laptop_.port = port;
    laptop_.listening = std::move(ours);
    laptop_.changed.notify();
    return std::move(theirs);
  }
  void refuse(stream::Refusal, std::string reason) override {
    laptop_.refused = std::move(reason);
    laptop_.changed.notify();
  }
  awaitable<Result<std::unique_ptr<stream::Stream>>> open(Originator originator) override {
    laptop_.asked.push_back(std::move(originator));
    laptop_.changed.notify();
    while (!laptop_.answers) {
      co_await laptop_.changed.wait();
    }
    if (laptop_.refuses) {
      co_return tl::make_unexpected(*laptop_.refuses);
    }
    auto [ours, theirs] = stream::make_pair(laptop_.executor);
    laptop_.opened.push_back(std::move(ours));
    laptop_.changed.notify();
    co_return std::move(theirs);
  }

 private:
  Laptop& laptop_;
};

class Listening : public testing::Test {
 protected:
  ~Listening() override {
    laptop_.opened.clear();
    laptop_.listening.reset();
    tasks_.cancel();
    test::run(context_, empty(tasks_));
    test::run(context_, stopped(listeners_));
  }

  void listen(ListenTarget target) {
    tasks_.spawn("listen",
                 listeners_.serve(std::move(target), std::make_unique<FakePeer>(laptop_)));
    until([this] { return laptop_.listening != nullptr; });
  }
  std::string refusal(ListenTarget target) {
    laptop_.refused.reset();
    tasks_.spawn("listen",
                 listeners_.serve(std::move(target), std::make_unique<FakePeer>(laptop_)));
    until([this] { return laptop_.refused.has_value(); });
    return *laptop_.refused;
  }
  template <class Condition>
  void until(Condition condition) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    context_.restart();
    while (!condition()) {
      ASSERT_EQ(context_.run_one_until(deadline), 1U) << "it does not happen";
    }
  }
  tcp::socket connect(const char* host = "127.0.0.1") {
    tcp::socket socket(context_);
    socket.connect({make_address(host), laptop_.port});
    return socket;
  }
  bool takes_connections(const char* host = "127.0.0.1") {
    tcp::socket socket(context_);
    boost::system::error_code error;
    socket.connect({make_address(host), laptop_.port}, error);
    return !error;
  }
  // The stream for the connection made last.
  stream::Stream& next_stream() {
    const std::size_t before = laptop_.opened.size();
    until([&] { return laptop_.opened.size() > before; });
    return *laptop_.opened.back();
  }
  std::string read(tcp::socket& socket) { return test::run(context_, read_all(socket)); }
  std::string read(stream::Stream& stream) { return test::run(context_, read_stream(stream)); }
  void write(stream::Stream& stream, std::string_view text) {
    EXPECT_TRUE(test::run(context_, write_stream(stream, text)));
  }

  asio::io_context context_;
  base::TaskGroup tasks_{context_.get_executor()};
  Listeners listeners_{context_.get_executor()};
  Laptop laptop_{context_.get_executor()};
};

TEST_F(Listening, EachDirectionEndsByItself) {
  listen({});
  ASSERT_NE(laptop_.port, 0);
  tcp::socket client = connect();
  stream::Stream& stream = next_stream();
  EXPECT_EQ(laptop_.asked.front().host, "127.0.0.1");
  EXPECT_EQ(laptop_.asked.front().port, client.local_endpoint().port());
  asio::write(client, asio::buffer("question", 8));
  client.shutdown(tcp::socket::shutdown_send);
  EXPECT_EQ(read(stream), "question");
  write(stream, "answer");
  stream.write_eof();
  EXPECT_EQ(read(client), "answer");
}

TEST_F(Listening, AnEndIsOneHoweverLateItIsRead) {
  listen({});
  tcp::socket client(context_, tcp::v4());
  client.set_option(asio::socket_base::receive_buffer_size(4096));
  client.connect({make_address("127.0.0.1"), laptop_.port});
  stream::Stream& stream = next_stream();
  client.shutdown(tcp::socket::shutdown_send);
  const std::string answer(50'000, 'x');  // waits in the kernel for room
  write(stream, answer);
  stream.close();
  context_.restart();
  context_.poll();  // until the socket is closed
  EXPECT_TRUE(read(client) == answer);
}

TEST_F(Listening, LoopbackIsBothAndNothingElse) {
  listen({});
  EXPECT_TRUE(takes_connections("127.0.0.1"));
  EXPECT_FALSE(takes_connections("127.0.0.2"))
      << "an address of this machine that was not asked for";
  if (base::listen_tcp({asio::ip::address_v6::loopback(), 0})) {
    EXPECT_TRUE(takes_connections("::1"));
  }
}

TEST_F(Listening, AStarIsEveryAddress) {
  listen({.host = "*"});
  EXPECT_TRUE(takes_connections("127.0.0.1"));
  EXPECT_TRUE(takes_connections("127.0.0.2"));
}

TEST_F(Listening, AnAddressIsItself) {
  listen({.host = "127.0.0.2"});
  EXPECT_TRUE(takes_connections("127.0.0.2"));
  EXPECT_FALSE(takes_connections("127.0.0.1"));
}

TEST_F(Listening, APortThatIsTakenIsASentence) {
  const auto taken = base::listen_tcp({asio::ip::address_v4::loopback(), 0});
  ASSERT_TRUE(taken);
  EXPECT_THAT(refusal({.port = base::local_endpoint(taken->get()).port()}),
              HasSubstr("choose another port"));
}

TEST_F(Listening, AnAddressOfAnotherMachineIsASentence) {
  EXPECT_THAT(refusal({.host = "192.0.2.1"}), HasSubstr("no such address"));
}

TEST_F(Listening, EndsWithItsStreamAndConnectionsGoOn) {
  listen({});
  tcp::socket client = connect();
  stream::Stream& stream = next_stream();
  laptop_.listening->close();
  test::run(context_, empty(tasks_));
  EXPECT_FALSE(takes_connections());
  asio::write(client, asio::buffer("still here", 10));
  client.shutdown(tcp::socket::shutdown_send);
  EXPECT_EQ(read(stream), "still here");
}

TEST_F(Listening, EndsWhenItIsCancelled) {
  listen({});
  tasks_.cancel();
  test::run(context_, empty(tasks_));
  EXPECT_FALSE(takes_connections());
}

constexpr char kReset[] = "(Connection reset by peer)";  // an end would be an empty answer

TEST_F(Listening, AConnectionThatThePeerRefusesIsReset) {
  laptop_.refuses = Error{Code::kUnavailable, "nobody there"};
  listen({});
  tcp::socket client = connect();
  EXPECT_EQ(read(client), kReset);
  EXPECT_TRUE(takes_connections()) << "it listens on";
}

TEST_F(Listening, WhatWaitsForThePeerIsBounded) {
  laptop_.answers = false;
  listen({});
  std::list<tcp::socket> clients;
  for (std::size_t i = 0; i < Listeners::kMaxWaiting + 20; ++i) {
    clients.push_back(connect());
  }
  until([this] { return laptop_.asked.size() >= Listeners::kMaxWaiting; });
  context_.poll();
  EXPECT_EQ(laptop_.asked.size(), Listeners::kMaxWaiting);
  laptop_.answers = true;
  laptop_.changed.notify();
  until([&] { return laptop_.opened.size() == clients.size(); });
}

TEST_F(Listening, WhatWaitsForThePeerEndsWithTheStream) {
  laptop_.answers = false;
  listen({});
  tcp::socket client = connect();
  until([this] { return laptop_.asked.size() == 1; });
  laptop_.listening->close();
  test::run(context_, empty(tasks_));
  EXPECT_EQ(read(client), kReset);
}

TEST_F(Listening, WhatIsOpenedBackAfterStopIsReset) {
  laptop_.answers = false;
  listen({});
  tcp::socket client = connect();
  until([this] { return laptop_.asked.size() == 1; });
  test::run(context_, stopped(listeners_));
  laptop_.answers = true;
  laptop_.changed.notify();
  EXPECT_EQ(read(client), kReset);
}

TEST_F(Listening, StopBreaksConnectionsOff) {
  listen({});
  tcp::socket client = connect();
  next_stream();
  test::run(context_, stopped(listeners_));
  EXPECT_EQ(read(client), kReset);
}

class ListeningOnAPath : public Listening {
 protected:
  test::Temporary directory_;
  std::string path_ = (directory_ / "job.sock").string();
};

TEST_F(ListeningOnAPath, IsPrivateAndGoesWithTheStream) {
  listen({.path = path_});
  struct stat status{};
  ASSERT_EQ(::stat(path_.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600U);
  EXPECT_EQ(laptop_.port, 0);
  local::socket client(context_);
  client.connect(local::endpoint(path_));
  stream::Stream& stream = next_stream();
  EXPECT_EQ(laptop_.asked.front().host, "");
  write(stream, "hello");
  stream.write_eof();
  EXPECT_EQ(test::run(context_, read_all(client)), "hello");
  laptop_.listening->close();
  test::run(context_, empty(tasks_));
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(ListeningOnAPath, ReplacesOnlyASocketThatNobodyListensOn) {
  {
    local::acceptor dead(context_, local::endpoint(path_));
  }
  listen({.path = path_});
  EXPECT_TRUE(laptop_.listening);
  EXPECT_THAT(refusal({.path = path_}), HasSubstr("listens on " + path_));
  const auto file = directory_.file("precious", "text").string();
  EXPECT_THAT(refusal({.path = file}), HasSubstr("no socket"));
  EXPECT_TRUE(std::filesystem::exists(file));
}

TEST_F(ListeningOnAPath, WhatCannotBeIsASentence) {
  EXPECT_THAT(refusal({.path = "relative"}), HasSubstr("absolute"));
  EXPECT_THAT(refusal({.path = "/no/such/directory/socket"}), HasSubstr("No such file"));
  EXPECT_THAT(refusal({.path = "/" + std::string(108, 'x')}), HasSubstr("107 bytes"));
}

awaitable<std::string> bound_or_why(Listeners& listeners, ListenTarget target) {
  const auto bound = co_await listeners.bind(std::move(target));
  if (bound) {
    co_return "";
  }
  EXPECT_EQ(bound.error().code, Code::kPermission);
  co_return bound.error().message;
}

TEST_F(Listening, WhatTheConfigurationDeniesIsRefused) {
  const test::Temporary place;
  const ListenTarget path{.path = (place / "s").string()};
  Listeners no_ports(context_.get_executor(), {.remote_tcp = true});
  EXPECT_THAT(test::run(context_, bound_or_why(no_ports, {})),
              HasSubstr("denies listening on TCP"));
  EXPECT_EQ(test::run(context_, bound_or_why(no_ports, path)), "");
  Listeners no_paths(context_.get_executor(), {.unix_sockets = true});
  EXPECT_THAT(test::run(context_, bound_or_why(no_paths, path)),
              HasSubstr("denies listening on unix"));
  EXPECT_EQ(test::run(context_, bound_or_why(no_paths, {})), "");
}

}  // namespace
}  // namespace rdev::services
