#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "client/http/connection.h"
#include "client/http/http.h"
#include "client/http/proxy.h"
#include "client/http/tls.h"
#include "client/http/url.h"

namespace rdev::http {

// Takes a piece of an answer's body; its error ends the call.
using Sink = std::function<Result<void>(std::string_view)>;

struct Call {
  std::string method = "GET";
  std::string target;  // encoded path and query, behind the base's path
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;
  std::size_t max_bytes = 8U << 20U;  // of the answer, unpacked
  // Sending it twice does what sending it once does (RFC 9110 section 9.2.2), as a GET.
  bool repeatable = false;
  Source source = {};  // instead of `body`
  // Takes the body of a 2xx answer as it comes, not unpacked, of any length. Such a call is made
  // once.
  Sink sink = nullptr;
};

struct Answer {
  int status = 0;
  std::string body;  // unpacked
  std::string content_type, etag, retry_after, location, content_range;
  std::map<std::string, std::string> headers;  // by their names in lower case
};

struct ClientOptions {
  Base base;
  TlsOptions tls;
  Environment environment = proxy_environment();
  std::chrono::milliseconds limit{20'000};  // of one call, tries and pauses included
  // Of one read or write, for bodies that may take any time; 0: none.
  std::chrono::milliseconds stall{0};
  std::chrono::milliseconds first_pause{250};  // before the second try; then twice as long
};

// Calls to one server, over connections that are kept. Any status is an Answer; errors are those
// of the way there. A call that may be repeated is tried up to three times when the way there fails
// or a proxy says 502, 503 or 504, and waits for as long as a 429 says (RFC 6585 section 4) where
// that is within the limit. Redirects are not followed: the answer has where to.
class Client final {
 public:
  explicit Client(ClientOptions options) : options_(std::move(options)) {}

  const Base& base() const { return options_.base; }
  // The Date header (RFC 9110 section 6.6.1) of the last answer; empty: it had none.
  const std::string& date() const { return date_; }

  awaitable<Result<Answer>> call(Call call);

 private:
  awaitable<Result<Answer>> call_repeatedly(Call call);
  awaitable<Result<Answer>> call_once(const Call& call);
  std::unique_ptr<Connection> take_idle();
  awaitable<Result<std::string>> read_body(const Call& call, ResponseStream& stream);
  awaitable<Result<Answer>> exchange(const Call& call, std::unique_ptr<Connection>& connection);
  awaitable<Result<std::unique_ptr<Connection>>> connect();
  awaitable<Result<std::unique_ptr<Connection>>> open_tunnel(std::unique_ptr<Connection> to_proxy);
  Request request_of(const Call& call) const;
  tl::unexpected<Error> unreachable(const Error& error) const;

  ClientOptions options_;
  std::optional<Proxy> proxy_;  // of the last connect()
  std::vector<std::unique_ptr<Connection>> idle_;
  std::string date_;
};

}  // namespace rdev::http
