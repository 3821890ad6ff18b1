#include "client/tunnels/message.h"

#include <array>
#include <boost/asio/read.hpp>
#include <boost/asio/write.hpp>

namespace rdev::tunnels {

awaitable<Result<std::string>> read_message(HolderSocket& socket) {
  std::array<unsigned char, 4> head{};
  const auto [no_head, got] = co_await asio::async_read(socket, asio::buffer(head), use_tuple);
  if (no_head) {
    co_return fail(Code::kClosed, "the connection was closed");
  }
  std::size_t size = 0;
  for (const unsigned char byte : head) {
    size = size << 8U | byte;
  }
  if (size > kMaxMessage) {
    co_return fail(Code::kProtocol, "a message of " + std::to_string(size) + " bytes");
  }
  std::string message(size, '\0');
  const auto [no_body, n] = co_await asio::async_read(socket, asio::buffer(message), use_tuple);
  if (no_body) {
    co_return fail(Code::kClosed, "the connection was closed");
  }
  co_return message;
}

awaitable<Result<void>> write_message(HolderSocket& socket, std::string message) {
  if (message.size() > kMaxMessage) {
    co_return fail(Code::kLimit, "the message is longer than 1 MiB");
  }
  std::string framed;
  for (unsigned shift = 32; shift > 0; shift -= 8) {
    framed += static_cast<char>(message.size() >> (shift - 8) & 0xffU);
  }
  framed += message;
  const auto [error, n] = co_await asio::async_write(socket, asio::buffer(framed), use_tuple);
  if (error) {
    co_return fail(Code::kClosed, "the connection was closed: " + error.message());
  }
  co_return Result<void>{};
}

}  // namespace rdev::tunnels
