#include <algorithm>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <cstring>

#include "client/http/gzip.h"
#include "client/http/http.h"

namespace {

// A server that says `bytes`, in pieces of changing length, and hangs up.
class Script final : public rdev::http::Connection {
 public:
  explicit Script(std::string_view bytes) : bytes_(bytes) {}

  rdev::awaitable<rdev::Result<std::size_t>> read(boost::asio::mutable_buffer buffer) override {
    const std::size_t n = std::min({buffer.size(), bytes_.size(), std::size_t{1} + step_++ % 37});
    std::memcpy(buffer.data(), bytes_.data(), n);
    bytes_.remove_prefix(n);
    co_return n;
  }
  rdev::awaitable<rdev::Result<void>> write(boost::asio::const_buffer) override {
    co_return rdev::Result<void>();
  }
  rdev::awaitable<rdev::Result<void>> write_eof() override { co_return rdev::Result<void>(); }

 private:
  std::string_view bytes_;
  std::size_t step_ = 0;
};

rdev::awaitable<void> exchange(std::string_view bytes) {
  constexpr std::size_t kMost = 1U << 20U;
  std::unique_ptr<rdev::http::Connection> connection = std::make_unique<Script>(bytes);
  const rdev::http::Request request{.method = "GET", .target = "/", .headers = {}, .body = {}};
  auto stream = co_await rdev::http::ResponseStream::exchange(connection, request, "host");
  if (!stream) {
    co_return;
  }
  const auto body = co_await (*stream)->read_all(kMost);
  if (body && (*stream)->header("Content-Encoding") == "gzip") {
    (void)rdev::http::gunzip(*body, kMost);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  boost::asio::io_context loop;
  boost::asio::co_spawn(loop, exchange({reinterpret_cast<const char*>(data), size}),
                        boost::asio::detached);
  loop.run();
  return 0;
}
