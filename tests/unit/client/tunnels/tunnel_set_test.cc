#include "client/tunnels/tunnel_set.h"

#include "tests/unit/client/tunnels/tunnel_lab.h"

namespace rdev::tunnels {
namespace {

CO_TEST_F(Tunnels, JoinALocalPortToTheTarget) {
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
}

CO_TEST_F(Tunnels, JoinAUnixSocketThatOnlyTheUserMayUse) {
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
}

CO_TEST_F(Tunnels, ListenOnEveryAddress) {
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
}

CO_TEST_F(Tunnels, SayThatAPortIsTaken) {
  tcp::acceptor other(context_, {asio::ip::address_v4::loopback(), 0});
  const std::string port = std::to_string(other.local_endpoint().port());
  Tunnel tunnel = local(port + ":db:1");
  tunnel.set_exact(true);
  const auto state = co_await set_.add(tunnel);
  EXPECT_EQ(state.error().code, Code::kExists);
  EXPECT_THAT(state.error().message, HasSubstr("127.0.0.1:" + port));
  EXPECT_TRUE(set_.empty());
}

CO_TEST_F(Tunnels, AreTheSameWhenAskedForTwice) {
  const auto first = co_await set_.add(local("0:db:1"));
  const auto port = std::to_string(first->bound_port());
  const auto again = co_await set_.add(local("0:db:1"));
  EXPECT_EQ(again->bound_port(), first->bound_port());
  EXPECT_TRUE(co_await set_.add(local(port + ":db:1")));
  EXPECT_EQ(set_.states().size(), 1U);
  Tunnel exact = local(port + ":db:2");
  exact.set_exact(true);
  const auto other = co_await set_.add(exact);
  EXPECT_EQ(other.error().code, Code::kExists);
  EXPECT_THAT(other.error().message, HasSubstr("-> db:1 in train"));
  EXPECT_THAT(other.error().message, HasSubstr("--remove"));
  EXPECT_FALSE(co_await set_.remove(local(port + ":db:2")));
  EXPECT_TRUE(co_await set_.remove(local(port + ":db:1")));
  EXPECT_TRUE(co_await set_.add(local(port + ":db:2")));
}

CO_TEST_F(Tunnels, BreakAConnectionOffThatTheAgentRefuses) {
  agent_.refuse = [](const StreamRequest&) { return "nobody listens on db:1"; };
  const auto state = co_await set_.add(local("0:db:1"));
  auto client = co_await connect(at(*state));
  EXPECT_EQ(co_await read_to_end(client), "(Connection reset by peer)");
  EXPECT_EQ(set_.states()[0].refused(), 1U);
  EXPECT_EQ(set_.states()[0].last_refusal(), "nobody listens on db:1");
  EXPECT_EQ(set_.states()[0].problem(), "");
}

CO_TEST_F(Tunnels, StayOpenWhenTheLinkIsLost) {
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
}

CO_TEST_F(Tunnels, OpenWithoutALink) {
  agent_.cut();
  const auto state = co_await set_.add(local("0:db:1"));
  EXPECT_TRUE(state);
  auto client = co_await connect(at(*state));
  agent_.restore();
  tasks_.spawn("echo", serve_one());
  co_await talk(client);
}

class TunnelsOfAnEndedJob : public Tunnels {
 protected:
  TunnelsOfAnEndedJob() { agent_.error = Error{Code::kClosed, "the job has ended"}; }
};

CO_TEST_F(TunnelsOfAnEndedJob, AreRefused) {
  const auto state = co_await set_.add(local("0:db:1"));
  if (state) {
    ADD_FAILURE() << "it was opened";
    co_return;
  }
  EXPECT_EQ(state.error().message, "the job has ended");
  EXPECT_TRUE(set_.empty());
}

CO_TEST_F(Tunnels, ThatWereKeptTryAgainUntilThePortIsFree) {
  tcp::acceptor other(context_, {asio::ip::address_v4::loopback(), 0});
  const tcp::endpoint endpoint = other.local_endpoint();
  Tunnel exact = local(std::to_string(endpoint.port()) + ":db:1");
  exact.set_exact(true);
  LocalTunnel tunnel(context_.get_executor(), link_, exact, "train", {.pause = milliseconds(10)});
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
}

CO_TEST_F(Tunnels, TakeSoManyConnectionsAndNoMore) {
  LocalTunnel tunnel(context_.get_executor(), link_, local("0:db:1"), "train", {.connections = 1});
  EXPECT_TRUE(co_await tunnel.open());
  auto first = co_await connect(at(tunnel.ledger().state()));
  auto asked = co_await agent_.next();
  auto second = co_await connect(at(tunnel.ledger().state()));
  EXPECT_EQ(co_await read_to_end(second), "(Connection reset by peer)");
  EXPECT_THAT(tunnel.ledger().traffic.last_refusal, HasSubstr("1 connections"));
  tasks_.spawn("echo", echo(std::move(asked.stream)));
  co_await talk(first);
  co_await tunnel.stop();
}

CO_TEST_F(Tunnels, EndAConnectionHoweverLateThatIsRead) {
  const auto state = co_await set_.add(local("0:db:1"));
  tcp::socket client(context_, tcp::v4());
  client.set_option(asio::socket_base::receive_buffer_size(4096));
  (void)co_await client.async_connect(at(*state), use_tuple);
  const std::string text(50'000, 'x');  // comes back, and waits in the kernel for room
  (void)co_await asio::async_write(client, asio::buffer(text), use_tuple);
  client.shutdown(tcp::socket::shutdown_send);
  co_await serve_one();
  co_await until([](const TunnelState& now) { return now.connections() == 0; });
  const bool same = co_await read_to_end(client) == text;
  EXPECT_TRUE(same);
}

CO_TEST_F(Tunnels, CutWhatWaitsForTheLinkWhenTheyAreRemoved) {
  agent_.cut();
  LocalTunnel tunnel(context_.get_executor(), link_, local("0:db:1"), "train", {.connections = 1});
  EXPECT_TRUE(co_await tunnel.open());
  auto waiting = co_await connect(at(tunnel.ledger().state()));
  tcp::socket second(context_);
  (void)co_await second.async_connect(at(tunnel.ledger().state()), use_tuple);
  while (tunnel.ledger().traffic.refused == 0) {  // by then the first has been taken
    co_await asio::post(context_, asio::use_awaitable);
  }
  co_await tunnel.stop();
  EXPECT_EQ(co_await read_to_end(waiting), "(Connection reset by peer)");
}

CO_TEST_F(Tunnels, CutTheirConnectionsWhenTheyAreRemoved) {
  const auto state = co_await set_.add(local("0:db:1"));
  auto client = co_await connect(at(*state));
  const auto asked = co_await agent_.next();
  EXPECT_TRUE(co_await set_.remove(state->tunnel()));
  EXPECT_EQ(co_await read_to_end(client), "(Connection reset by peer)");
  tcp::socket late(context_);
  boost::system::error_code error;
  late.connect(at(*state), error);
  EXPECT_EQ(error, asio::error::connection_refused);
}

}  // namespace
}  // namespace rdev::tunnels
