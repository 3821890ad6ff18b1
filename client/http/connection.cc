#include "client/http/connection.h"

#include <sys/socket.h>

#include <boost/asio/write.hpp>

#include "client/carrier/tcp.h"

namespace rdev::http {
namespace {

Code code_of(const boost::system::error_code& error) {
  return error == asio::error::operation_aborted ? Code::kCancelled : Code::kClosed;
}

template <class Socket>
class SocketConnection final : public Connection {
 public:
  explicit SocketConnection(Socket socket) : socket_(std::move(socket)) {}

  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer) override {
    auto [error, n] = co_await socket_.async_read_some(buffer, use_tuple);
    if (error && error != asio::error::eof) {
      co_return fail(code_of(error), "read from the server: " + error.message());
    }
    co_return n;
  }

  awaitable<Result<void>> write(asio::const_buffer bytes) override {
    auto [error, n] = co_await asio::async_write(socket_, bytes, use_tuple);
    if (error) {
      co_return fail(code_of(error), "write to the server: " + error.message());
    }
    co_return Result<void>();
  }

  awaitable<Result<void>> write_eof() override {
    boost::system::error_code error;
    socket_.shutdown(Socket::shutdown_send, error);
    if (error) {
      co_return fail(Code::kClosed, "half-close to the server: " + error.message());
    }
    co_return Result<void>();
  }

 private:
  Socket socket_;
};

}  // namespace

std::unique_ptr<Connection> over(asio::ip::tcp::socket socket) {
  return std::make_unique<SocketConnection<asio::ip::tcp::socket>>(std::move(socket));
}

std::unique_ptr<Connection> over(asio::local::stream_protocol::socket socket) {
  return std::make_unique<SocketConnection<asio::local::stream_protocol::socket>>(
      std::move(socket));
}

awaitable<Result<std::unique_ptr<Connection>>> connect_tcp(std::string host, std::string port) {
  auto fd = co_await carrier::connect_tcp(std::move(host), std::move(port));
  if (!fd) {
    co_return tl::make_unexpected(fd.error());
  }
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd->get(), reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    co_return fail_errno("getsockname");
  }
  using asio::ip::tcp;
  co_return over(tcp::socket(co_await asio::this_coro::executor,
                             address.ss_family == AF_INET6 ? tcp::v6() : tcp::v4(), fd->release()));
}

}  // namespace rdev::http
