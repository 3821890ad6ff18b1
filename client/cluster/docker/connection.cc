#include "client/cluster/docker/connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/write.hpp>
#include <chrono>

#include "client/cluster/docker/ssh_carrier.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster::docker {
namespace {

using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

constexpr auto kConnectLimit = std::chrono::seconds(10);

Code code_of(const boost::system::error_code& error) {
  return error == asio::error::operation_aborted ? Code::kCancelled : Code::kClosed;
}

template <class Socket>
class SocketConnection final : public Connection {
 public:
  SocketConnection(Socket socket, std::unique_ptr<SshCarrier> carrier)
      : carrier_(std::move(carrier)), socket_(std::move(socket)) {}

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer) override {
    auto [error, n] = co_await socket_.async_read_some(buffer, use_tuple);
    if (error && error != asio::error::eof) {
      co_return fail(code_of(error), "read from the engine: " + error.message());
    }
    co_return n;
  }

  awaitable<Result<void>> write(asio::const_buffer bytes) override {
    auto [error, n] = co_await asio::async_write(socket_, bytes, use_tuple);
    if (error) {
      co_return fail(code_of(error), "write to the engine: " + error.message());
    }
    co_return Result<void>();
  }

  awaitable<Result<void>> write_eof() override {
    boost::system::error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    if (error) {
      co_return fail(Code::kClosed, "half-close to the engine: " + error.message());
    }
    co_return Result<void>();
  }

  std::string complaint() const override { return carrier_ ? carrier_->complaint() : ""; }

 private:
  std::unique_ptr<SshCarrier> carrier_;  // destroyed after the socket: it sees the end first
  Socket socket_;
};

template <class Socket>
std::unique_ptr<Connection> wrap(Socket socket, std::unique_ptr<SshCarrier> carrier = nullptr) {
  return std::make_unique<SocketConnection<Socket>>(std::move(socket), std::move(carrier));
}

awaitable<Result<std::unique_ptr<Connection>>> connect_unix(const EngineAddress& address) {
  local::socket socket(co_await asio::this_coro::executor);
  if (address.path.size() >= sizeof(sockaddr_un::sun_path)) {
    co_return fail(Code::kUsage, address.path + " is too long for a unix socket");
  }
  const local::endpoint endpoint(address.path);
  auto [error] = co_await socket.async_connect(endpoint, use_tuple);
  if (error) {
    co_return tl::make_unexpected(unavailable(address, error.message(), error.value()));
  }
  co_return wrap(std::move(socket));
}

awaitable<Result<std::unique_ptr<Connection>>> connect_tcp(const EngineAddress& address) {
  auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  auto [resolve_error, found] =
      co_await resolver.async_resolve(address.host, address.port, use_tuple);
  if (resolve_error) {
    co_return tl::make_unexpected(unavailable(address, resolve_error.message()));
  }
  tcp::socket socket(executor);
  auto [error, endpoint] = co_await asio::async_connect(socket, found, use_tuple);
  if (error) {
    co_return tl::make_unexpected(unavailable(address, error.message(), error.value()));
  }
  boost::system::error_code ignored;  // only a matter of speed
  socket.set_option(tcp::no_delay(true), ignored);
  if (!address.tls) {
    co_return wrap(std::move(socket));
  }
  auto secured = co_await start_tls(wrap(std::move(socket)), *address.tls, address.host);
  if (!secured) {
    co_return tl::make_unexpected(unavailable(address, secured.error().message));
  }
  co_return std::move(*secured);
}

awaitable<Result<std::unique_ptr<Connection>>> connect_ssh(const EngineAddress& address) {
  auto started = SshCarrier::start(address);
  if (!started) {
    co_return tl::make_unexpected(unavailable(address, started.error().message));
  }
  local::socket socket(co_await asio::this_coro::executor, local(), started->socket.release());
  co_return wrap(std::move(socket), std::move(started->carrier));
}

awaitable<Result<std::unique_ptr<Connection>>> connect_any(const EngineAddress& address) {
  switch (address.kind) {
    case EngineAddress::Kind::kTcp:
      return connect_tcp(address);
    case EngineAddress::Kind::kSsh:
      return connect_ssh(address);
    case EngineAddress::Kind::kUnix:
      break;
  }
  return connect_unix(address);
}

std::string advice(const EngineAddress& address, const std::string& reason, int error) {
  if (address.kind == EngineAddress::Kind::kSsh) {
    return "Try `ssh " + (address.port.empty() ? "" : "-p " + address.port + " ") +
           (address.user.empty() ? "" : address.user + "@") + address.host +
           " docker version`: it must work without a question";
  }
  if (error == EACCES || error == EPERM) {
    return "May you use it? Add yourself to the group docker (sudo usermod -aG docker $USER) and "
           "log "
           "in again";
  }
  if (reason.find("HTTPS") != std::string::npos || reason.find("TLS") != std::string::npos) {
    return "It wants TLS: DOCKER_TLS_VERIFY=1 and DOCKER_CERT_PATH, the directory of ca.pem, "
           "cert.pem "
           "and key.pem";
  }
  return address.kind == EngineAddress::Kind::kUnix
             ? "Is dockerd running (sudo systemctl start docker)?"
             : "Is dockerd running there and listening?";
}

}  // namespace

Error unavailable(const EngineAddress& address, std::string reason, int error) {
  if (reason.ends_with('.')) {
    reason.pop_back();
  }
  const std::string what = advice(address, reason, error);
  return Error{Code::kUnavailable,
               "cannot reach the docker engine at " + address.text + " (" + address.source +
                   "): " + reason + ". " + what + (what.ends_with('?') ? "" : ".") +
                   " Another engine: DOCKER_HOST or `docker context use`; without docker: "
                   "--cluster local"};
}

awaitable<Result<std::unique_ptr<Connection>>> connect(const EngineAddress& address) {
  auto connected = co_await base::with_timeout(connect_any(address), kConnectLimit, "to connect");
  if (!connected && connected.error().code == Code::kTimeout) {
    co_return tl::make_unexpected(unavailable(address, connected.error().message));
  }
  co_return connected;
}

}  // namespace rdev::cluster::docker
