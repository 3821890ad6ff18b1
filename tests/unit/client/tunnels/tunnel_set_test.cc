#include "client/tunnels/tunnel_set.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

#include "client/tunnels/bind.h"
#include "client/tunnels/local_tunnel.h"
#include "client/tunnels/spec.h"
#include "protocol/base/task_group.h"
#include "tests/unit/client/temp_dir.h"
#include "tests/unit/client/tunnels/fake_agent.h"

namespace rdev::tunnels {
namespace {

using asio::ip::tcp;
using std::chrono::milliseconds;
using testing::HasSubstr;

Tunnel local(const std::string& spec) { return *parse_spec(Tunnel::LOCAL, spec); }
Tunnel remote(const std::string& spec) { return *parse_spec(Tunnel::REMOTE, spec); }

class Tunnels : public testing::Test {
 protected:
  // Runs `test` beside the link, and ends everything.
  void with_link(awaitable<void> test) { run(context_, around(std::move(test))); }

  awaitable<void> around(awaitable<void> test) {
    tasks_.spawn("link", keep());
    co_await std::move(test);
    co_await set_.stop();
    tasks_.cancel();
    co_await tasks_.wait();
  }
  awaitable<void> keep() { (void)co_await link_.run(); }

  static tcp::endpoint at(const TunnelState& state) {
    return {asio::ip::address_v4::loopback(), static_cast<std::uint16_t>(state.bound_port())};
  }
  awaitable<tcp::socket> connect(tcp::endpoint endpoint) {
    tcp::socket socket(context_);
    const auto [error] = co_await socket.async_connect(endpoint, use_tuple);
    EXPECT_FALSE(error) << error.message();
    co_return socket;
  }
  // What it has sent when it ends, and how it ends.
  template <class Socket>
  awaitable<std::string> read_to_end(Socket& socket) {
    std::string text;
    const auto [error, n] =
        co_await asio::async_read(socket, asio::dynamic_buffer(text), use_tuple);
    co_return error == asio::error::eof ? text : text + "(" + error.message() + ")";
  }
  // The agent's service: sends back what comes.
  static awaitable<void> echo(std::unique_ptr<stream::Stream> stream) {
    const std::string text = co_await read_all(*stream);
    (void)co_await stream->write(asio::buffer(text));
  }
  template <class Socket>
  awaitable<void> talk(Socket& socket) {
    const std::string text = "hello";
    (void)co_await asio::async_write(socket, asio::buffer(text), use_tuple);
    socket.shutdown(asio::socket_base::shutdown_send);
    EXPECT_EQ(co_await read_to_end(socket), "hello");
  }
  awaitable<void> serve_one() { co_await echo((co_await agent_.next()).stream); }
  // Until the state of the only tunnel is as wanted.
  template <class Condition>
  awaitable<void> until(Condition condition) {
    while (!condition(set_.states().at(0))) {
      co_await asio::post(context_, asio::use_awaitable);
    }
  }

  asio::io_context context_{1};
  FakeAgent agent_{context_.get_executor()};
  SharedLink link_{context_.get_executor(), agent_.connect(),
                   SharedLinkOptions{.patience = milliseconds(2000),
                                     .first_pause = milliseconds(5),
                                     .longest_pause = milliseconds(20),
                                     .first_limit = milliseconds(50)}};
  TunnelSet set_{context_.get_executor(), link_, "train"};
  base::TaskGroup tasks_{context_.get_executor()};
  test::TempDir dir_;
};

TEST_F(Tunnels, JoinALocalPortToTheTarget) {
  const auto test = [&]() -> awaitable<void> {
    const auto state = co_await set_.add(local("0:db:5432"));
    EXPECT_TRUE(state);
    EXPECT_NE(state->bound_port(), 0U);
    EXPECT_EQ(state->tunnel().listen_port(), state->bound_port());
    auto client = co_await connect(at(*state));
    auto asked = co_await agent_.next();
    EXPECT_EQ(asked.request.tcp().host(), "db");
    EXPECT_EQ(asked.request.tcp().port(), 5432U);
    tasks_.spawn("echo", echo(std::move(asked.stream)));
    co_await talk(client);
    co_await until([](const TunnelState& now) { return now.connections() == 0; });
    EXPECT_EQ(set_.states()[0].bytes_in(), 5U);
    EXPECT_EQ(set_.states()[0].bytes_out(), 5U);
  };
  with_link(test());
}

TEST_F(Tunnels, JoinAUnixSocketThatOnlyTheUserMayUse) {
  const auto test = [&]() -> awaitable<void> {
    const std::string path = (dir_.path() / "a.sock").string();
    EXPECT_TRUE(co_await set_.add(local(path + ":/run/target")));
    EXPECT_EQ(test::mode_of(path), 0600U);
    asio::local::stream_protocol::socket client(context_);
    client.connect(path);
    auto asked = co_await agent_.next();
    EXPECT_EQ(asked.request.unix_socket().path(), "/run/target");
    tasks_.spawn("echo", echo(std::move(asked.stream)));
    co_await talk(client);
    co_await set_.stop();
    EXPECT_FALSE(std::filesystem::exists(path));
    test::write_text(path, "precious");
    EXPECT_THAT((co_await set_.add(local(path + ":/run/target"))).error().message,
                HasSubstr("no socket"));
    EXPECT_EQ(test::read_text(path), "precious");
  };
  with_link(test());
}

TEST_F(Tunnels, ListenOnEveryAddress) {
  const auto test = [&]() -> awaitable<void> {
    const auto state = co_await set_.add(local("*:0:db:1"));
    EXPECT_TRUE(state);
    auto client = co_await connect(at(*state));
    tasks_.spawn("echo", serve_one());
    co_await talk(client);
    tcp::socket six(context_);
    boost::system::error_code error;
    six.connect({asio::ip::address_v6::loopback(), at(*state).port()}, error);
    if (error) {
      GTEST_LOG_(INFO) << "no IPv6 here: " << error.message();
      co_return;
    }
    tasks_.spawn("echo", serve_one());
    co_await talk(six);
  };
  with_link(test());
}

TEST_F(Tunnels, SayThatAPortIsTaken) {
  const auto test = [&]() -> awaitable<void> {
    tcp::acceptor other(context_, {asio::ip::address_v4::loopback(), 0});
    const std::string port = std::to_string(other.local_endpoint().port());
    const auto state = co_await set_.add(local(port + ":db:1"));
    EXPECT_EQ(state.error().code, Code::kExists);
    EXPECT_THAT(state.error().message, HasSubstr("127.0.0.1:" + port));
    EXPECT_TRUE(set_.empty());
  };
  with_link(test());
}

TEST_F(Tunnels, AreTheSameWhenAskedForTwice) {
  const auto test = [&]() -> awaitable<void> {
    const auto first = co_await set_.add(local("0:db:1"));
    const auto port = std::to_string(first->bound_port());
    const auto again = co_await set_.add(local("0:db:1"));
    EXPECT_EQ(again->bound_port(), first->bound_port());
    EXPECT_TRUE(co_await set_.add(local(port + ":db:1")));
    EXPECT_EQ(set_.states().size(), 1U);
    const auto other = co_await set_.add(local(port + ":db:2"));
    EXPECT_EQ(other.error().code, Code::kExists);
    EXPECT_THAT(other.error().message, HasSubstr("-> db:1 in train"));
    EXPECT_THAT(other.error().message, HasSubstr("--remove"));
    EXPECT_FALSE(co_await set_.remove(local(port + ":db:2")));
    EXPECT_TRUE(co_await set_.remove(local(port + ":db:1")));
    EXPECT_TRUE(co_await set_.add(local(port + ":db:2")));
  };
  with_link(test());
}

TEST_F(Tunnels, BreakAConnectionOffThatTheAgentRefuses) {
  const auto test = [&]() -> awaitable<void> {
    agent_.refuse = [](const StreamRequest&) { return "nobody listens on db:1"; };
    const auto state = co_await set_.add(local("0:db:1"));
    auto client = co_await connect(at(*state));
    EXPECT_EQ(co_await read_to_end(client), "(Connection reset by peer)");
    EXPECT_EQ(set_.states()[0].refused(), 1U);
    EXPECT_EQ(set_.states()[0].last_refusal(), "nobody listens on db:1");
    EXPECT_EQ(set_.states()[0].problem(), "");
  };
  with_link(test());
}

TEST_F(Tunnels, StayOpenWhenTheLinkIsLost) {
  const auto test = [&]() -> awaitable<void> {
    const auto state = co_await set_.add(local("0:db:1"));
    auto before = co_await connect(at(*state));
    auto asked = co_await agent_.next();
    agent_.cut();
    asked.stream.reset();
    before.shutdown(tcp::socket::shutdown_send);
    EXPECT_EQ(co_await read_to_end(before), "");
    // While there is no link, a connection waits for the next one.
    auto waiting = co_await connect(at(*state));
    co_await asio::post(context_, asio::use_awaitable);
    EXPECT_EQ(set_.states()[0].problem(), "");
    agent_.restore();
    tasks_.spawn("echo", serve_one());
    co_await talk(waiting);
    EXPECT_EQ(set_.states()[0].refused(), 0U);
  };
  with_link(test());
}

TEST_F(Tunnels, OpenWithoutALink) {
  agent_.reachable = false;
  const auto test = [&]() -> awaitable<void> {
    const auto state = co_await set_.add(local("0:db:1"));
    EXPECT_TRUE(state);
    auto client = co_await connect(at(*state));
    agent_.restore();
    tasks_.spawn("echo", serve_one());
    co_await talk(client);
  };
  with_link(test());
}

TEST_F(Tunnels, AreRefusedWhenTheJobIsOver) {
  agent_.error = Error{Code::kClosed, "the job has ended"};
  const auto test = [&]() -> awaitable<void> {
    const auto state = co_await set_.add(local("0:db:1"));
    if (state) {
      ADD_FAILURE() << "it was opened";
      co_return;
    }
    EXPECT_EQ(state.error().message, "the job has ended");
    EXPECT_TRUE(set_.empty());
  };
  with_link(test());
}

TEST_F(Tunnels, ThatWereKeptTryAgainUntilThePortIsFree) {
  const auto test = [&]() -> awaitable<void> {
    tcp::acceptor other(context_, {asio::ip::address_v4::loopback(), 0});
    const tcp::endpoint endpoint = other.local_endpoint();
    LocalTunnel tunnel(context_.get_executor(), link_,
                       local(std::to_string(endpoint.port()) + ":db:1"), "train",
                       {.pause = milliseconds(10)});
    EXPECT_FALSE(co_await tunnel.open());
    EXPECT_THAT(tunnel.ledger().state().problem(), HasSubstr("in use"));
    other.close();
    while (!tunnel.ledger().problem.empty()) {
      co_await asio::post(context_, asio::use_awaitable);
    }
    auto client = co_await connect(endpoint);
    tasks_.spawn("echo", serve_one());
    co_await talk(client);
    co_await tunnel.stop();
  };
  with_link(test());
}

TEST_F(Tunnels, TakeSoManyConnectionsAndNoMore) {
  const auto test = [&]() -> awaitable<void> {
    LocalTunnel tunnel(context_.get_executor(), link_, local("0:db:1"), "train",
                       {.connections = 1});
    EXPECT_TRUE(co_await tunnel.open());
    auto first = co_await connect(at(tunnel.ledger().state()));
    auto asked = co_await agent_.next();
    auto second = co_await connect(at(tunnel.ledger().state()));
    EXPECT_EQ(co_await read_to_end(second), "(Connection reset by peer)");
    EXPECT_THAT(tunnel.ledger().traffic.last_refusal, HasSubstr("1 connections"));
    tasks_.spawn("echo", echo(std::move(asked.stream)));
    co_await talk(first);
    co_await tunnel.stop();
  };
  with_link(test());
}

TEST_F(Tunnels, CutTheirConnectionsWhenTheyAreRemoved) {
  const auto test = [&]() -> awaitable<void> {
    const auto state = co_await set_.add(local("0:db:1"));
    auto client = co_await connect(at(*state));
    const auto asked = co_await agent_.next();
    EXPECT_TRUE(co_await set_.remove(state->tunnel()));
    EXPECT_EQ(co_await read_to_end(client), "(Connection reset by peer)");
    tcp::socket late(context_);
    boost::system::error_code error;
    late.connect(at(*state), error);
    EXPECT_EQ(error, asio::error::connection_refused);
  };
  with_link(test());
}

class RemoteTunnels : public Tunnels {
 protected:
  std::string target() { return "localhost:" + std::to_string(server_.local_endpoint().port()); }
  awaitable<void> serve() {
    auto [error, socket] = co_await server_.async_accept(use_tuple);
    EXPECT_FALSE(error) << error.message();
    const std::string text = co_await read_to_end(socket);
    (void)co_await asio::async_write(socket, asio::buffer(text), use_tuple);
  }
  tcp::acceptor server_{context_, {asio::ip::address_v4::loopback(), 0}};
};

TEST_F(RemoteTunnels, JoinWhatTheAgentAcceptsToTheTarget) {
  const auto test = [&]() -> awaitable<void> {
    const auto state = co_await set_.add(remote("0:" + target()));
    EXPECT_EQ(state->bound_port(), 4000U);
    const auto listening = co_await agent_.next();
    EXPECT_EQ(listening.request.listen().host(), "localhost");
    EXPECT_EQ(listening.request.listen().port(), 0U);
    const auto accepted = agent_.accept(listening.id);
    tasks_.spawn("server", serve());
    co_await accepted->wait();
    EXPECT_TRUE(accepted->peer);
    const std::string text = "hello";
    (void)co_await accepted->peer->write(asio::buffer(text));
    accepted->peer->write_eof();
    EXPECT_EQ(co_await read_all(*accepted->peer), "hello");
    co_await until([](const TunnelState& now) { return now.connections() == 0; });
  };
  with_link(test());
}

TEST_F(RemoteTunnels, RefuseWhenTheTargetDoes) {
  const auto test = [&]() -> awaitable<void> {
    EXPECT_TRUE(co_await set_.add(remote("9000:" + target())));
    const auto listening = co_await agent_.next();
    server_.close();
    const auto accepted = agent_.accept(listening.id);
    co_await accepted->wait();
    EXPECT_EQ(accepted->refused->first, stream::Refusal::kConnectFailed);
    EXPECT_THAT(accepted->refused->second, HasSubstr("refused"));
    EXPECT_EQ(set_.states()[0].refused(), 1U);
  };
  with_link(test());
}

TEST_F(RemoteTunnels, ConnectToAUnixSocketOfTheLaptop) {
  const auto test = [&]() -> awaitable<void> {
    const std::string path = (dir_.path() / "t.sock").string();
    asio::local::stream_protocol::acceptor server(context_, path);
    EXPECT_TRUE(co_await set_.add(remote("/run/a:" + path)));
    const auto listening = co_await agent_.next();
    EXPECT_EQ(listening.request.listen().path(), "/run/a");
    EXPECT_EQ(set_.states()[0].bound_port(), 0U);
    const auto accepted = agent_.accept(listening.id);
    co_await accepted->wait();
    EXPECT_TRUE(accepted->peer);
  };
  with_link(test());
}

TEST_F(RemoteTunnels, AreAskedForAgainAfterALoss) {
  const auto test = [&]() -> awaitable<void> {
    EXPECT_TRUE(co_await set_.add(remote("0:" + target())));
    auto listening = co_await agent_.next();
    // The agent's earlier listener may still hold the port for a while.
    int refusals = 1;
    agent_.refuse = [&](const StreamRequest&) -> std::optional<std::string> {
      return refusals-- > 0 ? std::optional<std::string>("the port is taken") : std::nullopt;
    };
    agent_.cut();
    listening.stream.reset();
    co_await until([](const TunnelState& now) { return !now.problem().empty(); });
    agent_.restore();
    co_await until([](const TunnelState& now) { return now.problem() == "the port is taken"; });
    const auto again = co_await agent_.next();
    EXPECT_EQ(again.request.listen().port(), 4000U);
    co_await until([](const TunnelState& now) { return now.problem().empty(); });
    EXPECT_EQ(set_.states()[0].bound_port(), 4000U);
  };
  with_link(test());
}

TEST_F(RemoteTunnels, ThatTheAgentRefusesAreNotKept) {
  const auto test = [&]() -> awaitable<void> {
    agent_.refuse = [](const StreamRequest&) { return "port 9000 is taken in the job"; };
    const auto state = co_await set_.add(remote("9000:" + target()));
    EXPECT_EQ(state.error().message, "port 9000 is taken in the job");
    EXPECT_TRUE(set_.empty());
  };
  with_link(test());
}

TEST_F(RemoteTunnels, EndTheListeningWhenTheyAreRemoved) {
  const auto test = [&]() -> awaitable<void> {
    EXPECT_TRUE(co_await set_.add(remote("9000:" + target())));
    const auto listening = co_await agent_.next();
    EXPECT_TRUE(co_await set_.remove(remote("9000:" + target())));
    EXPECT_EQ(co_await read_all(*listening.stream), "");
    EXPECT_TRUE(agent_.accept(listening.id)->refused);
  };
  with_link(test());
}

}  // namespace
}  // namespace rdev::tunnels
