#include "client/http/client.h"

#include <boost/asio/steady_timer.hpp>
#include <charconv>
#include <ctime>

#include "client/http/gzip.h"
#include "client/http/patient.h"
#include "protocol/base/with_timeout.h"

namespace rdev::http {
namespace {

using std::chrono::milliseconds;
using Clock = std::chrono::steady_clock;

constexpr auto npos = std::string::npos;
constexpr int kTries = 3;
constexpr std::chrono::seconds kConnectLimit{10};
constexpr std::size_t kMostIdle = 8;

bool may_repeat(const Call& call) { return call.repeatable || call.method == "GET"; }

bool is_passing(int status) { return status == 502 || status == 503 || status == 504; }

// RFC 9110 section 10.2.3: seconds, or a date.
std::optional<milliseconds> parse_retry_after(const std::string& text) {
  int seconds = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && rest == text.data() + text.size() && seconds >= 0) {
    return std::chrono::seconds(seconds);
  }
  std::tm date{};
  if (::strptime(text.c_str(), "%a, %d %b %Y %H:%M:%S GMT", &date) == nullptr) {
    return std::nullopt;
  }
  const std::time_t left = ::timegm(&date) - std::time(nullptr);
  return std::chrono::seconds(std::max<std::time_t>(left, 0));
}

// How long to wait before `answer`'s call is made again; nullopt: it is the answer.
std::optional<milliseconds> pause_after(const Result<Answer>& answer, milliseconds usual) {
  if (!answer) {
    const Code code = answer.error().code;
    const bool is_passing = code == Code::kClosed || code == Code::kUnavailable;
    return is_passing ? std::optional(usual) : std::nullopt;
  }
  if (answer->status == 429) {
    return parse_retry_after(answer->retry_after);
  }
  return is_passing(answer->status) ? std::optional(usual) : std::nullopt;
}

awaitable<Result<std::unique_ptr<Connection>>> start_tls_named(std::unique_ptr<Connection> inner,
                                                               TlsOptions options,
                                                               std::string host) {
  auto secured = co_await start_tls(std::move(inner), std::move(options), std::move(host));
  // What is wrong with a certificate is so the next time, too.
  const bool is_refused = !secured && (secured.error().message.find("certificate") != npos ||
                                       secured.error().message.find("mismatch") != npos);
  if (is_refused) {
    secured.error().code = Code::kPermission;
    secured.error().message +=
        ". Is it the right address? For an authority of your own, give its "
        "certificate (ca)";
  }
  co_return secured;
}

}  // namespace

tl::unexpected<Error> Client::unreachable(const Error& error) const {
  std::string message = "cannot reach " + options_.base.text() + ": " + error.message;
  if (proxy_) {
    message += " (through the proxy of " + proxy_->source + ")";
  }
  return fail(error.code == Code::kPermission || error.code == Code::kUsage ? error.code
                                                                            : Code::kUnavailable,
              std::move(message));
}

awaitable<Result<Answer>> Client::call(Call call) {
  const std::string what = "the answer of " + options_.base.text();
  co_return co_await base::with_timeout(call_repeatedly(std::move(call)), options_.limit, what);
}

awaitable<Result<Answer>> Client::call_repeatedly(Call call) {
  const auto deadline = Clock::now() + options_.limit;
  asio::steady_timer timer(co_await asio::this_coro::executor);
  milliseconds usual = options_.first_pause;
  for (int tries = 1;; ++tries) {
    auto answer = co_await call_once(call);
    const auto pause = pause_after(answer, usual);
    if (!pause || !may_repeat(call) || call.sink || tries == kTries ||
        Clock::now() + *pause >= deadline) {
      co_return answer;
    }
    timer.expires_after(*pause);
    auto [error] = co_await timer.async_wait(use_tuple);
    if (error) {
      co_return fail(Code::kCancelled, "cancelled");
    }
    usual *= 2;
  }
}

Request Client::request_of(const Call& call) const {
  Request request{.method = call.method,
                  .target = options_.base.path + call.target,
                  .headers = call.headers,
                  .body = call.body,
                  .source = call.source};
  if (!call.sink && call.method != "HEAD") {
    request.headers.emplace_back("Accept-Encoding", "gzip");
  }
  if (proxy_ && !options_.base.tls) {
    Base root = options_.base;
    root.path.clear();
    request.target.insert(0, root.text());
    if (!proxy_->authorization.empty()) {
      request.headers.emplace_back("Proxy-Authorization", proxy_->authorization);
    }
  }
  return request;
}

awaitable<Result<Answer>> Client::call_once(const Call& call) {
  while (!idle_.empty() && may_repeat(call)) {
    auto connection = take_idle();
    auto answer = co_await exchange(call, connection);
    if (answer || answer.error().code != Code::kClosed) {
      co_return answer;
    }  // else the server had closed it meanwhile: that is no failure
  }
  idle_.clear();
  auto connection = co_await connect();
  if (!connection) {
    co_return unreachable(connection.error());
  }
  auto answer = co_await exchange(call, *connection);
  if (!answer && answer.error().code == Code::kClosed) {
    co_return unreachable(answer.error());
  }
  co_return answer;
}

std::unique_ptr<Connection> Client::take_idle() {
  auto connection = std::move(idle_.back());
  idle_.pop_back();
  return connection;
}

awaitable<Result<std::string>> Client::read_body(const Call& call, ResponseStream& stream) {
  if (!call.sink || stream.status() / 100 != 2) {
    co_return co_await stream.read_all(call.max_bytes);
  }
  std::vector<char> piece(64 << 10);
  for (;;) {
    auto n = co_await stream.read(asio::buffer(piece));
    if (!n) {
      // Not kClosed: what was taken must not be asked for again here.
      co_return fail(n.error().code == Code::kClosed ? Code::kUnavailable : n.error().code,
                     n.error().message);
    }
    if (*n == 0) {
      co_return std::string();
    }
    if (auto taken = call.sink(std::string_view(piece.data(), *n)); !taken) {
      co_return tl::make_unexpected(taken.error());
    }
  }
}

awaitable<Result<Answer>> Client::exchange(const Call& call,
                                           std::unique_ptr<Connection>& connection) {
  const Request request = request_of(call);
  auto stream = co_await ResponseStream::exchange(connection, request, options_.base.authority());
  if (!stream) {
    co_return tl::make_unexpected(stream.error());
  }
  const ResponseStream& head = **stream;
  Answer answer{.status = head.status(),
                .body = {},
                .content_type = head.header("Content-Type"),
                .etag = head.header("ETag"),
                .retry_after = head.header("Retry-After"),
                .location = head.header("Location"),
                .content_range = head.header("Content-Range"),
                .headers = head.headers()};
  date_ = head.header("Date");
  auto body = co_await read_body(call, **stream);
  if (!body) {
    co_return tl::make_unexpected(body.error());
  }
  if (!call.sink && head.header("Content-Encoding") == "gzip" && !body->empty()) {
    auto text = gunzip(*body, call.max_bytes);
    if (!text) {
      co_return tl::make_unexpected(text.error());
    }
    body = std::move(*text);
  }
  answer.body = std::move(*body);
  if (auto kept = (*stream)->release(); kept && idle_.size() < kMostIdle) {
    idle_.push_back(std::move(kept));
  }
  co_return answer;
}

awaitable<Result<std::unique_ptr<Connection>>> Client::connect() {
  auto proxy = proxy_for(options_.base, options_.environment);
  if (!proxy) {
    co_return tl::make_unexpected(proxy.error());
  }
  proxy_ = std::move(*proxy);
  const Base& server = options_.base;
  auto connection = co_await base::with_timeout(
      connect_tcp(proxy_ ? proxy_->host : server.host, proxy_ ? proxy_->port : server.port),
      kConnectLimit, "connecting");
  if (connection && options_.stall.count() > 0) {
    connection = patient(std::move(*connection), options_.stall);
  }
  if (!connection || !server.tls) {
    co_return connection;
  }
  if (proxy_) {
    connection = co_await base::with_timeout(open_tunnel(std::move(*connection)), kConnectLimit,
                                             "the proxy's connection");
    if (!connection) {
      co_return connection;
    }
  }
  co_return co_await base::with_timeout(
      start_tls_named(std::move(*connection), options_.tls, server.host), kConnectLimit,
      "the TLS handshake");
}

// RFC 9110 section 9.3.6.
awaitable<Result<std::unique_ptr<Connection>>> Client::open_tunnel(
    std::unique_ptr<Connection> to_proxy) {
  const Base& server = options_.base;
  const bool is_v6 = server.host.find(':') != std::string::npos;
  const std::string target = (is_v6 ? "[" + server.host + "]" : server.host) + ":" + server.port;
  Request request{.method = "CONNECT", .target = target, .headers = {}, .body = {}};
  if (!proxy_->authorization.empty()) {
    request.headers.emplace_back("Proxy-Authorization", proxy_->authorization);
  }
  auto stream = co_await ResponseStream::exchange(to_proxy, request, target);
  if (!stream) {
    co_return tl::make_unexpected(stream.error());
  }
  const int status = (*stream)->status();
  if (status / 100 != 2) {
    co_return fail(Code::kPermission,
                   "the proxy answers " + std::to_string(status) +
                       (status == 407 ? ": it wants a user and a password (http://USER:PASSWORD@…)"
                                      : ": it does not connect there"));
  }
  auto hijacked = (*stream)->hijack();
  if (!hijacked.early.empty()) {
    co_return fail(Code::kProtocol, "the proxy sends what is not its server's");
  }
  co_return std::move(hijacked.connection);
}

}  // namespace rdev::http
