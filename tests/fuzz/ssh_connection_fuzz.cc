// A peer's packets into the connection protocol with a session service on top: whatever comes, the
// connection ends at worst. Input: packets as [type u8][length u16][payload]; type 0 lets time
// pass.

#include <boost/asio/io_context.hpp>

#include "protocol/base/log.h"
#include "protocol/ssh/connection.h"
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

struct Server final : ssh::Connection::Handler {
  explicit Server(sshd::Host& served) : host(served) {}
  bool on_channel(std::string_view type, ssh::Reader body,
                  std::unique_ptr<ssh::ChannelOffer> offer) override {
    if (type == "later") {
      offers.push_back(std::move(offer));
    } else if (type != "refused") {
      offer->accept()->set_requests(
          std::make_unique<sshd::Session>(host, std::make_shared<sshd::Peer>()));
    }
    return body.rest() != "malformed";
  }
  sshd::Host& host;
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
                  {.shell = serve, .exec = serve, .subsystems = {{"s", serve}}, .direct_tcpip = {}},
                  {},
                  base::TaskGroup(context.get_executor())};
  {
    NoSink sink;
    Server server(host);
    ssh::Connection connection(context.get_executor(), sink, server,
                               {.window = 4096, .channels = 8});
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
        connection.packet(static_cast<ssh::Message>(type), payload);
      }
    }
  }
  host.tasks.cancel();
  context.restart();
  context.run();
  return 0;
}
