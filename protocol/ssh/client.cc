#include "protocol/ssh/client.h"

#include "protocol/ssh/channel_stream.h"
#include "protocol/ssh/connection.h"
#include "protocol/ssh/transport.h"

namespace rdev::ssh {

// A client serves nothing: whatever the server asks for is refused.
struct Client::Impl final : Transport::Owner, Connection::Handler {
  explicit Impl(const asio::any_io_executor& made_on) : executor(made_on), ended(made_on) {}
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;
  ~Impl() override {
    if (transport) {
      transport->detach();
    }
  }

  void on_packet(Message type, std::string_view payload) override {
    connection->packet(type, payload);
  }
  void on_writable() override { connection->writable(); }
  void on_closed(const Error& why) override {
    connection->closed(why);
    over = true;
    ended.notify();
  }
  bool on_channel(std::string_view, Reader, std::unique_ptr<ChannelOffer> offer) override {
    offer->refuse(stream::Refusal::kProhibited, "this client takes no channels");
    return true;
  }

  asio::any_io_executor executor;
  base::Notify ended;
  bool over = false;
  std::shared_ptr<Transport> transport;
  std::unique_ptr<Connection> connection;
};

namespace {

using StreamResult = Result<std::unique_ptr<stream::Stream>>;
using Opening = awaitable<Result<std::shared_ptr<Channel>>>;

awaitable<StreamResult> start_session(Opening opening, std::string type, std::string body) {
  auto channel = co_await std::move(opening);
  if (!channel) {
    co_return tl::make_unexpected(channel.error());
  }
  auto stream = std::make_unique<ChannelStream>(*channel);
  const auto started = co_await Channel::request(*channel, type, body);
  if (!started) {
    co_return tl::make_unexpected(started.error());
  }
  if (!*started) {
    const std::string why = (*channel)->take_complaint();
    co_return fail(Code::kUnavailable,
                   "the server refused the " + type + " request" + (why.empty() ? "" : ": " + why));
  }
  co_return StreamResult(std::move(stream));
}

awaitable<StreamResult> start_forward(Opening opening) {
  auto channel = co_await std::move(opening);
  if (!channel) {
    co_return tl::make_unexpected(channel.error());
  }
  co_return StreamResult(std::make_unique<ChannelStream>(*channel));
}

}  // namespace

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

awaitable<Result<std::unique_ptr<Client>>> Client::connect(base::Fd socket, ClientOptions options,
                                                           const PrivateKey& user_key) {
  auto impl = std::make_unique<Impl>(co_await asio::this_coro::executor);
  auto transport = Transport::connect(impl->executor, std::move(socket), options.user, *impl);
  if (!transport) {
    co_return tl::make_unexpected(transport.error());
  }
  impl->transport = std::move(*transport);
  impl->connection = std::make_unique<Connection>(impl->executor, *impl->transport, *impl,
                                                  Connection::Options{.window = options.window});
  if (auto met = co_await impl->transport->handshake(options.host_key); !met) {
    co_return tl::make_unexpected(met.error());
  }
  if (auto entered = co_await impl->transport->authenticate(user_key); !entered) {
    co_return tl::make_unexpected(entered.error());
  }
  co_return std::unique_ptr<Client>(new Client(std::move(impl)));
}

awaitable<StreamResult> Client::exec(std::string_view command) {
  return start_session(impl_->connection->open("session", ""), "exec",
                       Writer().string(command).take());
}

awaitable<StreamResult> Client::subsystem(std::string_view name) {
  return start_session(impl_->connection->open("session", ""), "subsystem",
                       Writer().string(name).take());
}

awaitable<StreamResult> Client::direct_tcpip(std::string_view host, std::uint16_t port) {
  const std::string body = Writer().string(host).u32(port).string("127.0.0.1").u32(0).take();
  return start_forward(impl_->connection->open("direct-tcpip", body));
}

awaitable<void> Client::disconnect() {
  impl_->transport->disconnect(DisconnectReason::kByApplication, "bye");
  while (!impl_->over) {
    co_await impl_->ended.wait();
  }
}

}  // namespace rdev::ssh
