#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <boost/asio/posix/stream_descriptor.hpp>

#include "protocol/base/log.h"
#include "protocol/base/notify.h"
#include "protocol/base/with_timeout.h"
#include "protocol/ssh/client.h"
#include "protocol/ssh/transport.h"
#include "protocol/ssh/wire.h"
#include "protocol/sshd/server.h"
#include "tests/unit/run.h"

// Server and Client in one process, over socketpairs.
namespace rdev::sshd {

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

inline awaitable<void> echo(stream::Stream& stream) {
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

inline awaitable<void> serve_exec(const Peer& peer, SessionStart start,
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

inline awaitable<void> serve_tcp(const Peer&, TcpTarget target,
                                 std::unique_ptr<stream::Offer> offer) {
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

inline awaitable<std::string> read_all(stream::Stream& stream, Lane lane = Lane::kData) {
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

}  // namespace rdev::sshd
