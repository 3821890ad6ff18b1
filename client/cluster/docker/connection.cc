#include "client/cluster/docker/connection.h"

#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <chrono>

#include "client/carrier/carrier.h"
#include "client/cluster/docker/ssh_command.h"
#include "protocol/base/with_timeout.h"

namespace rdev::cluster::docker {
namespace {

using tcp = asio::ip::tcp;
using local = asio::local::stream_protocol;

constexpr auto kConnectLimit = std::chrono::seconds(10);

// The carrier is destroyed after the socket: it sees the end first.
class CarriedConnection final : public Connection {
 public:
  CarriedConnection(std::unique_ptr<carrier::Carrier> carrier, std::unique_ptr<Connection> inner)
      : carrier_(std::move(carrier)), inner_(std::move(inner)) {}

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer) override {
    return inner_->read(buffer);
  }
  awaitable<Result<void>> write(asio::const_buffer bytes) override { return inner_->write(bytes); }
  awaitable<Result<void>> write_eof() override { return inner_->write_eof(); }
  std::string complaint() const override { return carrier_->complaint(); }

 private:
  std::unique_ptr<carrier::Carrier> carrier_;
  std::unique_ptr<Connection> inner_;
};

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
  co_return http::over(std::move(socket));
}

awaitable<Result<std::unique_ptr<Connection>>> connect_tcp(const EngineAddress& address) {
  auto connected = co_await http::connect_tcp(address.host, address.port);
  if (!connected) {
    co_return tl::make_unexpected(unavailable(address, connected.error().message));
  }
  if (!address.tls) {
    co_return connected;
  }
  auto secured = co_await http::start_tls(std::move(*connected), *address.tls, address.host);
  if (!secured) {
    co_return tl::make_unexpected(unavailable(address, secured.error().message));
  }
  co_return std::move(*secured);
}

awaitable<Result<std::unique_ptr<Connection>>> connect_ssh(const EngineAddress& address) {
  auto started = carrier::Carrier::start(ssh_command(address));
  if (!started) {
    co_return tl::make_unexpected(unavailable(address, started.error().message));
  }
  local::socket socket(co_await asio::this_coro::executor, local(), started->socket.release());
  co_return std::make_unique<CarriedConnection>(std::move(started->carrier),
                                                http::over(std::move(socket)));
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
