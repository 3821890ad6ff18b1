#include "client/tunnels/remote_tunnel.h"

#include "client/tunnels/target.h"
#include "protocol/base/closing.h"
#include "tests/unit/client/tunnels/tunnel_lab.h"

namespace rdev::tunnels {
namespace {

class RemoteTunnels : public Tunnels {
 protected:
  std::string port() { return std::to_string(server_.local_endpoint().port()); }
  std::string target() { return "localhost:" + port(); }
  awaitable<void> serve() {
    auto [error, socket] = co_await server_.async_accept(use_tuple);
    EXPECT_FALSE(error) << error.message();
    const std::string text = co_await read_to_end(socket);
    (void)co_await asio::async_write(socket, asio::buffer(text), use_tuple);
  }
  tcp::acceptor server_{context_, {asio::ip::address_v4::loopback(), 0}};
};

CO_TEST_F(RemoteTunnels, JoinWhatTheAgentAcceptsToTheTarget) {
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
}

CO_TEST_F(RemoteTunnels, RefuseWhenTheTargetDoes) {
  EXPECT_TRUE(co_await set_.add(remote("9000:" + target())));
  const auto listening = co_await agent_.next();
  server_.close();
  const auto accepted = agent_.accept(listening.id);
  co_await accepted->wait();
  EXPECT_EQ(accepted->refused->first, stream::Refusal::kConnectFailed);
  EXPECT_THAT(accepted->refused->second, HasSubstr("refused"));
  EXPECT_EQ(set_.states()[0].refused(), 1U);
}

// The kernel takes connections for a server, which may break one off before whoever connected
// looks.
TEST_F(RemoteTunnels, HaveNoTargetWhereItBreaksOffAtOnce) {
  std::optional<Result<base::Fd>> connected;
  asio::co_spawn(context_, connect_target(remote("0:127.0.0.1:" + port())),
                 [&](const std::exception_ptr&, Result<base::Fd> result) {
                   connected.emplace(std::move(result));
                 });
  server_.non_blocking(true);
  bool broken = false;
  while (!connected && context_.run_one_for(std::chrono::seconds(20)) > 0) {
    boost::system::error_code nobody;
    if (auto socket = server_.accept(nobody); socket.is_open()) {
      broken = !connected;
      base::set_closing(socket.native_handle(), base::Closing::kBreak);
    }
  }
  ASSERT_TRUE(connected && broken);
  ASSERT_FALSE(*connected);
  EXPECT_THAT(connected->error().message, HasSubstr("reset"));
}

CO_TEST_F(RemoteTunnels, ConnectToAUnixSocketOfTheLaptop) {
  const std::string path = (dir_.path() / "t.sock").string();
  asio::local::stream_protocol::acceptor server(context_, path);
  EXPECT_TRUE(co_await set_.add(remote("/run/a:" + path)));
  const auto listening = co_await agent_.next();
  EXPECT_EQ(listening.request.listen().path(), "/run/a");
  EXPECT_EQ(set_.states()[0].bound_port(), 0U);
  const auto accepted = agent_.accept(listening.id);
  co_await accepted->wait();
  EXPECT_TRUE(accepted->peer);
}

CO_TEST_F(RemoteTunnels, AreAskedForAgainAfterALoss) {
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
}

CO_TEST_F(RemoteTunnels, ThatTheAgentRefusesAreNotKept) {
  agent_.refuse = [](const StreamRequest&) { return "port 9000 is taken in the job"; };
  const auto state = co_await set_.add(remote("9000:" + target()));
  EXPECT_EQ(state.error().message, "port 9000 is taken in the job");
  EXPECT_TRUE(set_.empty());
}

CO_TEST_F(RemoteTunnels, EndTheListeningWhenTheyAreRemoved) {
  EXPECT_TRUE(co_await set_.add(remote("9000:" + target())));
  const auto listening = co_await agent_.next();
  EXPECT_TRUE(co_await set_.remove(remote("9000:" + target())));
  EXPECT_EQ(co_await read_all(*listening.stream), "");
  EXPECT_TRUE(agent_.accept(listening.id)->refused);
}

}  // namespace
}  // namespace rdev::tunnels
