// A peer's packets into the connection protocol with sessions and forwards on top: whatever comes,
// the connection ends at worst. Input: packets as [type u8][length u16][payload]; type 0 lets time
// pass.

#include <boost/asio/io_context.hpp>

#include "protocol/base/log.h"
#include "protocol/ssh/connection.h"
#include "protocol/sshd/direct_forwards.h"
#include "protocol/sshd/remote_forwards.h"
#include "protocol/sshd/session.h"

namespace {

using namespace rdev;

struct NoSink final : ssh::PacketSink {
  void send(std::string_view, std::string_view) override {}
  bool congested() const override { return false; }
  void disconnect(ssh::DisconnectReason, std::string_view) override { ended = true; }
  bool ended = false;
};

struct Nobody final : sshd::Authorizer {
  bool may_login(const std::string&, const ssh::PublicKey&) override { return false; }
};

// Takes every start but "no"; echoes, and stops at the first event.
awaitable<void> serve(const sshd::Peer&, sshd::SessionStart start,
                      std::unique_ptr<stream::Offer> offer) {
  if (start.command == "no") {
    co_return;
  }
  const auto stream = offer->accept();
  char buffer[64];
  for (;;) {
    const auto n = co_await stream->read(asio::buffer(buffer));
    if (!n || *n == 0 || !co_await stream->write(asio::buffer(buffer, *n))) {
      co_return;
    }
  }
}

awaitable<void> serve_path(const sshd::Peer&, const std::string& path,
                           std::unique_ptr<stream::Offer> offer) {
  return serve({}, {.command = path, .pty = {}, .env = {}}, std::move(offer));
}

awaitable<void> serve_tcp(const sshd::Peer&, const sshd::TcpTarget& target,
                          std::unique_ptr<stream::Offer> offer) {
  return serve({}, {.command = target.host, .pty = {}, .env = {}}, std::move(offer));
}

// Listens everywhere but on port 1; somebody connects at once.
struct Listening final : sshd::Listening {
  std::uint16_t port() const override { return 7; }
  awaitable<void> accept(sshd::OpenBack open_back) override {
    sshd::Originator somebody{.host = "somebody", .port = 9};
    const auto stream = co_await open_back(std::move(somebody));
    char buffer[64];
    while (stream && (co_await (*stream)->read(asio::buffer(buffer))).value_or(0) > 0) {
    }
  }
};
awaitable<Result<std::unique_ptr<sshd::Listening>>> serve_listen(const sshd::Peer&,
                                                                 sshd::ListenTarget target) {
  if (target.port == 1) {
    co_return fail(Code::kExists, "taken");
  }
  co_return std::make_unique<Listening>();
}

awaitable<Result<std::shared_ptr<void>>> lend(const sshd::Peer&, sshd::OpenBack) {
  co_return std::make_shared<int>();
}

struct Server final : ssh::Connection::Handler {
  explicit Server(sshd::Host& served) : host(served) {}
  void set_connection(const std::shared_ptr<ssh::Connection>& connection) {
    remote = std::make_shared<sshd::RemoteForwards>(host, peer, connection);
    agent = std::make_shared<sshd::AgentForward>(host, peer, connection);
  }
  bool on_channel(std::string_view type, ssh::Reader body,
                  std::unique_ptr<ssh::ChannelOffer> offer) override {
    if (const auto taken = sshd::take_direct_forward(host, peer, type, body, offer);
        taken != sshd::Taken::kOtherType) {
      return taken == sshd::Taken::kYes;
    }
    if (type == "later") {
      offers.push_back(std::move(offer));
    } else if (type != "refused") {
      offer->accept()->set_requests(std::make_unique<sshd::Session>(host, peer, agent));
    }
    return body.rest() != "malformed";
  }
  bool on_global_request(std::string_view type, ssh::Reader body, ssh::GlobalReply reply) override {
    return !sshd::RemoteForwards::is_one(type) || remote->on_request(type, body, std::move(reply));
  }
  sshd::Host& host;
  const std::shared_ptr<const sshd::Peer> peer = std::make_shared<sshd::Peer>();
  std::shared_ptr<sshd::RemoteForwards> remote;
  std::shared_ptr<sshd::AgentForward> agent;
  std::vector<std::unique_ptr<ssh::ChannelOffer>> offers;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = (base::set_log_level(base::LogLevel::kOff), true);
  static const ssh::Seed seed{};
  static_cast<void>(quiet);
  asio::io_context context;
  Nobody nobody;
  sshd::Host host{context.get_executor(),
                  ssh::PrivateKey::from_seed(seed).value(),
                  nobody,
                  {.shell = serve,
                   .exec = serve,
                   .subsystems = {{"s", serve}},
                   .direct_tcpip = serve_tcp,
                   .direct_streamlocal = serve_path,
                   .listen = serve_listen,
                   .agent = lend},
                  {},
                  base::TaskGroup(context.get_executor())};
  {
    NoSink sink;
    Server server(host);
    const auto connection =
        std::make_shared<ssh::Connection>(context.get_executor(), sink, server,
                                          ssh::Connection::Options{.window = 4096, .channels = 8});
    server.set_connection(connection);
    std::string_view rest(reinterpret_cast<const char*>(data), size);
    while (rest.size() >= 3 && !sink.ended) {
      ssh::Reader head(rest);
      const std::uint8_t type = head.u8();
      const std::size_t length = std::size_t{head.u8()} << 8 | head.u8();
      const std::string_view payload = rest.substr(3, length);
      rest.remove_prefix(3 + payload.size());
      if (type == 0) {
        context.restart();
        context.poll();
        server.offers.clear();
      } else {
        connection->packet(static_cast<ssh::Message>(type), payload);
      }
    }
    server.remote->stop();
    server.agent->stop();
  }
  host.tasks.cancel();
  context.restart();
  context.run();
  return 0;
}
