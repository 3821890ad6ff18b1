#pragma once

#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "client/http/connection.h"

namespace rdev::http {

// A body that is read as it is sent. `read` fills a part of the buffer with what stands from
// `offset` on and returns how much, at least one byte.
struct Source {
  std::uint64_t bytes = 0;
  std::function<Result<std::size_t>(std::uint64_t offset, asio::mutable_buffer)> read;
};

struct Request {
  std::string method;
  std::string target;  // encoded
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  Source source = {};  // instead of `body`, where it has a `read`
};

// PATH?KEY=VALUE for Request::target. Everything but letters, digits and "-._~" is encoded: Go
// reads a '+' that was left alone as a space.
std::string with_query(const std::string& path, const std::string& key, const std::string& value);

// HTTP/1.1 bytes of everything but the body.
std::string request_head(const Request& request, const std::string& host);

// One response, its body read piece by piece. Not copied, not moved: it is held by pointer.
class ResponseStream final {
 public:
  // Sends `request` and reads the response's head. A refusal that comes before the body is sent
  // counts as the response.
  static awaitable<Result<std::unique_ptr<ResponseStream>>> exchange(
      std::unique_ptr<Connection>& connection, const Request& request, const std::string& host);
  explicit ResponseStream(std::unique_ptr<Connection> connection);
  ResponseStream(const ResponseStream&) = delete;
  ResponseStream& operator=(const ResponseStream&) = delete;

  int status() const { return static_cast<int>(parser_.get().result_int()); }
  std::string header(const std::string& name) const;
  // All, their names in lower case; of one that comes twice the last.
  std::map<std::string, std::string> headers() const;

  // At least one byte of the body, or 0 at its end.
  awaitable<Result<std::size_t>> read(asio::mutable_buffer buffer);
  // The rest of the body; Code::kLimit when it is longer.
  awaitable<Result<std::string>> read_all(std::size_t max_bytes);

  // The connection for the next request, or null when it can't be used again (the body was not read
  // to its end, or the server closes).
  std::unique_ptr<Connection> release();

  // Takes the connection over after an upgrade; `early` came behind the response's head.
  struct Hijacked {
    std::unique_ptr<Connection> connection;
    std::string early;
  };
  Hijacked hijack();

 private:
  awaitable<Result<void>> read_head();
  awaitable<Result<void>> receive();

  std::unique_ptr<Connection> connection_;
  boost::beast::http::response_parser<boost::beast::http::buffer_body> parser_;
  std::vector<char> buffer_ = std::vector<char>(65536);
  std::size_t begin_ = 0;  // what is received and not parsed: [begin_, end_)
  std::size_t end_ = 0;
  bool eof_ = false;
};

}  // namespace rdev::http
