// A stranger's bytes into the server, before any login: whatever comes, the connection ends at
// worst, nobody is let in, and nothing of it is left. Input: a first byte of '0' sends the rest as
// it is, from the banner on; any other exchanges keys first, as a client does, and sends the rest
// as encrypted packets, each [length u16][type u8][payload].

#include <sys/socket.h>

#include <boost/asio/io_context.hpp>
#include <cstdlib>

#include "protocol/base/log.h"
#include "protocol/ssh/transport.h"
#include "protocol/ssh/wire.h"

namespace {

using namespace rdev;

constexpr char kNewKeys = 21;

struct Server final : ssh::Transport::Owner {
  void on_auth_request(std::string_view) override {}
  bool may_login(std::string_view, const ssh::PublicKey&, ssh::Transport::Proof) override {
    return false;
  }
  // The connection protocol is for who has logged in.
  void on_packet(ssh::Message, std::string_view) override { std::abort(); }
  void on_writable() override {}
  void on_closed(const Error&) override { closed = true; }
  bool closed = false;
};

struct Client final : ssh::Transport::Owner {
  void on_packet(ssh::Message, std::string_view) override {}
  void on_writable() override {}
  void on_closed(const Error&) override {}
};

struct Pair {
  Pair() {
    int ends[2];
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
      std::abort();
    }
    server.reset(ends[0]);
    client.reset(ends[1]);
  }
  base::Fd server, client;
};

const ssh::PrivateKey& host_key() {
  static const ssh::PrivateKey key = ssh::PrivateKey::from_seed(ssh::Seed{}).value();
  return key;
}

awaitable<void> send_packets(std::shared_ptr<ssh::Transport> client, std::string_view rest) {
  if (!co_await client->handshake(host_key().public_key())) {
    std::abort();
  }
  while (rest.size() >= 3) {
    ssh::Reader head(rest);
    const std::size_t length = std::size_t{head.u8()} << 8 | head.u8();
    const std::string_view packet = rest.substr(2, length + 1);
    rest.remove_prefix(2 + packet.size());
    // libssh takes new keys of its own into use as it sends NEWKEYS, and there are none.
    if (packet.front() != kNewKeys) {
      client->send(packet.substr(0, 1), packet.substr(1));
    }
  }
}

void rethrow(const std::exception_ptr& thrown) {
  if (thrown) {
    std::rethrow_exception(thrown);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool quiet = (base::set_log_level(base::LogLevel::kOff), true);
  static_cast<void>(quiet);
  if (size == 0) {
    return 0;
  }
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  asio::io_context context;
  Pair sockets;
  Server owner;
  Client client_owner;
  auto server = ssh::Transport::serve(context.get_executor(), std::move(sockets.server),
                                      {.host_key = host_key(), .software = "fuzz_1.00"}, owner);
  if (!server) {
    std::abort();
  }
  std::shared_ptr<ssh::Transport> client;
  if (data[0] == '0') {
    (void)::send(sockets.client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    context.poll();
    sockets.client.reset();
  } else {
    client = ssh::Transport::connect(context.get_executor(), std::move(sockets.client), "rdev",
                                     client_owner)
                 .value();
    asio::co_spawn(context, send_packets(client, bytes), rethrow);
    context.poll();
    client->detach();
  }
  context.restart();
  context.run();
  if (!owner.closed) {
    std::abort();
  }
  return 0;
}
