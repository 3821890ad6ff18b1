#include "client/http/http.h"

#include <algorithm>
#include <boost/none.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <cstring>

namespace rdev::http {
namespace {

namespace beast_http = boost::beast::http;

tl::unexpected<Error> bad_response(const boost::system::error_code& error) {
  return fail(Code::kProtocol, "the server's answer is not HTTP: " + error.message());
}

// The error is the source's own; what the connection has against the body is in `sent`.
awaitable<Result<void>> send_source(Connection& connection, const Source& source,
                                    Result<void>& sent) {
  std::vector<char> piece(128 << 10);
  for (std::uint64_t offset = 0; offset < source.bytes && sent;) {
    const auto room = std::min<std::uint64_t>(piece.size(), source.bytes - offset);
    const auto n = source.read(offset, asio::buffer(piece.data(), room));
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    sent = co_await connection.write(asio::buffer(piece.data(), *n));
    offset += *n;
  }
  co_return Result<void>();
}

}  // namespace

std::string with_query(const std::string& path, const std::string& key, const std::string& value) {
  return path + '?' + key + '=' + boost::urls::encode(value, boost::urls::unreserved_chars);
}

std::string request_head(const Request& request, const std::string& host) {
  std::string head = request.method + " " + request.target + " HTTP/1.1\r\nHost: " + host +
                     "\r\nUser-Agent: rdev/" RDEV_VERSION "\r\n";
  for (const auto& [name, value] : request.headers) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  const std::uint64_t length = request.source.read ? request.source.bytes : request.body.size();
  if (length > 0 || request.method == "POST" || request.method == "PUT") {
    head += "Content-Length: " + std::to_string(length) + "\r\n";
  }
  return head + "\r\n";
}

ResponseStream::ResponseStream(std::unique_ptr<Connection> connection)
    : connection_(std::move(connection)) {
  parser_.header_limit(64 << 10);
  parser_.body_limit(boost::none);  // the readers have their own
}

awaitable<Result<std::unique_ptr<ResponseStream>>> ResponseStream::exchange(
    std::unique_ptr<Connection>& connection, const Request& request, const std::string& host) {
  const std::string head = request_head(request, host);
  auto sent = co_await connection->write(asio::buffer(head));
  if (sent && request.source.read) {
    if (auto read = co_await send_source(*connection, request.source, sent); !read) {
      connection.reset();
      co_return tl::make_unexpected(read.error());
    }
  } else if (sent) {
    sent = co_await connection->write(asio::buffer(request.body));
  }
  auto stream = std::make_unique<ResponseStream>(std::move(connection));
  stream->parser_.skip(request.method == "HEAD");  // it has a length and no body
  auto got = co_await stream->read_head();
  if (!got) {
    connection = std::move(stream->connection_);  // for its complaint
    co_return tl::make_unexpected(sent ? got.error() : sent.error());
  }
  co_return std::move(stream);
}

std::string ResponseStream::header(const std::string& name) const {
  return std::string(parser_.get()[name]);
}

std::map<std::string, std::string> ResponseStream::headers() const {
  std::map<std::string, std::string> all;
  for (const auto& field : parser_.get()) {
    std::string name(field.name_string());
    std::transform(name.begin(), name.end(), name.begin(),
                   [](char c) { return 'A' <= c && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
    all.insert_or_assign(std::move(name), std::string(field.value()));
  }
  return all;
}

awaitable<Result<void>> ResponseStream::receive() {
  if (begin_ > 0) {
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  if (end_ == buffer_.size()) {
    co_return fail(Code::kProtocol, "the server's answer has a line of more than 64 KiB");
  }
  auto n = co_await connection_->read(asio::buffer(buffer_.data() + end_, buffer_.size() - end_));
  if (!n) {
    co_return tl::make_unexpected(n.error());
  }
  end_ += *n;
  eof_ = *n == 0;
  co_return Result<void>();
}

awaitable<Result<void>> ResponseStream::read_head() {
  while (!parser_.is_header_done()) {
    if (auto received = co_await receive(); !received) {
      co_return received;
    }
    if (eof_) {
      co_return fail(Code::kClosed, end_ == 0
                                        ? "the server closed the connection without an answer"
                                        : "the server closed the connection within its answer");
    }
    boost::system::error_code error;
    begin_ += parser_.put(asio::buffer(buffer_.data() + begin_, end_ - begin_), error);
    if (error && error != beast_http::error::need_more && error != beast_http::error::need_buffer) {
      co_return bad_response(error);
    }
  }
  co_return Result<void>();
}

awaitable<Result<std::size_t>> ResponseStream::read(asio::mutable_buffer out) {
  auto& body = parser_.get().body();
  body.data = out.data();
  body.size = out.size();
  body.more = true;
  while (!parser_.is_done() && body.size == out.size()) {
    boost::system::error_code error;
    if (begin_ < end_) {
      begin_ += parser_.put(asio::buffer(buffer_.data() + begin_, end_ - begin_), error);
    } else if (eof_) {
      parser_.put_eof(error);
    } else {
      error = beast_http::error::need_more;
    }
    if (error == beast_http::error::need_more || error == beast_http::error::partial_message) {
      if (eof_) {
        co_return fail(Code::kClosed, "the server closed the connection within its answer");
      }
      if (auto received = co_await receive(); !received) {
        co_return tl::make_unexpected(received.error());
      }
    } else if (error && error != beast_http::error::need_buffer) {
      co_return bad_response(error);
    }
  }
  co_return out.size() - body.size;
}

awaitable<Result<std::string>> ResponseStream::read_all(std::size_t max_bytes) {
  std::string text;
  std::vector<char> piece(32768);
  for (;;) {
    auto n = co_await read(asio::buffer(piece));
    if (!n) {
      co_return tl::make_unexpected(n.error());
    }
    if (*n == 0) {
      co_return text;
    }
    if (text.size() + *n > max_bytes) {
      co_return fail(Code::kLimit,
                     "the server's answer is longer than " + std::to_string(max_bytes) + " bytes");
    }
    text.append(piece.data(), *n);
  }
}

std::unique_ptr<Connection> ResponseStream::release() {
  const bool reusable = parser_.is_done() && parser_.keep_alive() && begin_ == end_ && !eof_;
  return reusable ? std::move(connection_) : nullptr;
}

ResponseStream::Hijacked ResponseStream::hijack() {
  return Hijacked{std::move(connection_), std::string(buffer_.data() + begin_, end_ - begin_)};
}

}  // namespace rdev::http
