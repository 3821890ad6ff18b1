#include "client/cluster/docker/engine.h"

#include <charconv>
#include <optional>

#include "protocol/base/with_timeout.h"

namespace rdev::cluster::docker {
namespace {

// 1.40 has DeviceRequests; nothing newer than 1.44 is used, and engines of 2025 know nothing older.
constexpr int kOldestMinor = 40;
constexpr int kNewestMinor = 44;
// After this an idle connection may have died unseen; what can't be repeated gets a new one.
constexpr auto kTrustIdle = std::chrono::seconds(5);
constexpr auto kPingLimit = std::chrono::seconds(15);
constexpr auto kSshPingLimit = std::chrono::seconds(45);

// Sending it twice does what sending it once does.
bool repeatable(const Request& request) { return request.method != "POST"; }

std::string host_header(const EngineAddress& address) {
  if (address.kind != EngineAddress::Kind::kTcp) {
    return "docker";
  }
  const bool ipv6 = address.host.find(':') != std::string::npos;
  return (ipv6 ? "[" + address.host + "]" : address.host) + ":" + address.port;
}

}  // namespace

std::string Response::message() const {
  auto value = parse_json(body, "");
  std::string text = value ? text_at(*value, "/message") : "";
  if (text.empty()) {
    text = body.substr(0, 500);
  }
  while (text.ends_with('\n')) {
    text.pop_back();
  }
  return text.empty() ? "HTTP status " + std::to_string(status) : text;
}

std::string api_version(const std::string& theirs) {
  int minor = 0;
  const char* end = theirs.data() + theirs.size();
  if (!theirs.starts_with("1.") ||
      std::from_chars(theirs.data() + 2, end, minor).ec != std::errc() || minor < kOldestMinor) {
    return "";
  }
  return "/v1." + std::to_string(std::min(minor, kNewestMinor));
}

awaitable<Result<Response>> Engine::call(Request request,
                                         std::chrono::steady_clock::duration limit) {
  const std::string what = request.method + " " + request.target;
  if (auto ready = co_await negotiate(); !ready) {
    co_return tl::make_unexpected(ready.error());
  }
  co_return co_await base::with_timeout(call_now(std::move(request)), limit,
                                        "the docker engine's answer to " + what);
}

awaitable<Result<std::unique_ptr<ResponseStream>>> Engine::open(
    Request request, std::chrono::steady_clock::duration limit) {
  const std::string what = request.method + " " + request.target;
  if (auto ready = co_await negotiate(); !ready) {
    co_return tl::make_unexpected(ready.error());
  }
  co_return co_await base::with_timeout(open_now(std::move(request)), limit,
                                        "the docker engine's answer to " + what);
}

void Engine::give_back(std::unique_ptr<Connection> connection) {
  idle_ = std::move(connection);
  idle_since_ = std::chrono::steady_clock::now();
}

awaitable<Result<Response>> Engine::call_now(Request request) {
  auto stream = co_await open_now(std::move(request));
  if (!stream) {
    co_return tl::make_unexpected(stream.error());
  }
  auto body = co_await (*stream)->read_all(kMaxBody);
  if (!body) {
    co_return tl::make_unexpected(body.error());
  }
  Response response;
  response.status = (*stream)->status();
  response.body = std::move(*body);
  give_back((*stream)->release());
  co_return response;
}

awaitable<Result<std::unique_ptr<ResponseStream>>> Engine::open_now(Request request) {
  request.target.insert(0, version_);
  co_return co_await send(std::move(request));
}

awaitable<Result<std::unique_ptr<ResponseStream>>> Engine::send(Request request) {
  const std::string host = host_header(address_);
  if (std::chrono::steady_clock::now() - idle_since_ > kTrustIdle && !repeatable(request)) {
    idle_.reset();
  }
  if (idle_ && repeatable(request)) {
    auto connection = std::move(idle_);
    auto stream = co_await ResponseStream::exchange(connection, request, host);
    if (stream || stream.error().code != Code::kClosed) {
      co_return stream;
    }  // else the engine had closed it meanwhile: that is no failure
  }
  auto connection = std::move(idle_);
  if (!connection) {
    auto connected = co_await connect(address_);
    if (!connected) {
      co_return tl::make_unexpected(connected.error());
    }
    connection = std::move(*connected);
  }
  auto stream = co_await ResponseStream::exchange(connection, request, host);
  if (!stream && stream.error().code == Code::kClosed) {
    const std::string complaint = connection->complaint();
    co_return tl::make_unexpected(
        unavailable(address_, complaint.empty() ? stream.error().message : complaint));
  }
  co_return stream;
}

awaitable<Result<void>> Engine::negotiate() {
  if (!version_.empty()) {
    co_return Result<void>();
  }
  const bool ssh = address_.kind == EngineAddress::Kind::kSsh;
  auto pinged =
      co_await base::with_timeout(ping(), ssh ? kSshPingLimit : kPingLimit, "its answer to a ping");
  if (!pinged && pinged.error().code == Code::kTimeout) {
    co_return tl::make_unexpected(unavailable(address_, pinged.error().message));
  }
  co_return pinged;
}

awaitable<Result<void>> Engine::ping() {
  Request request;
  request.method = "GET";
  request.target = "/_ping";
  auto stream = co_await send(std::move(request));
  if (!stream) {
    co_return tl::make_unexpected(stream.error());
  }
  Response response;
  response.status = (*stream)->status();
  if (auto body = co_await (*stream)->read_all(kMaxBody); body) {
    response.body = std::move(*body);
  }
  if (!response.ok()) {
    co_return tl::make_unexpected(
        unavailable(address_, "it answers \"" + response.message() + "\""));
  }
  const std::string newest = (*stream)->header("Api-Version");
  if (newest.empty()) {
    co_return tl::make_unexpected(unavailable(address_, "what answers there is no docker engine"));
  }
  if ((*stream)->header("Ostype") == "windows") {
    co_return fail(Code::kUsage, "the engine at " + address_.text +
                                     " runs Windows containers; switch it to Linux containers");
  }
  version_ = api_version(newest);
  if (version_.empty()) {
    co_return fail(Code::kUsage, "the docker engine at " + address_.text + " speaks API " + newest +
                                     "; 1." + std::to_string(kOldestMinor) +
                                     " (Docker 19.03) is the oldest that will do");
  }
  give_back((*stream)->release());
  co_return Result<void>();
}

awaitable<Result<std::optional<json::value>>> get_json(Engine& engine, std::string target) {
  Request request;
  request.method = "GET";
  request.target = target;
  auto response = co_await engine.call(std::move(request));
  if (!response) {
    co_return tl::make_unexpected(response.error());
  }
  if (response->status == 404) {
    co_return std::optional<json::value>();
  }
  if (!response->ok()) {
    co_return fail(Code::kFailed,
                   "the docker engine refused GET " + target + ": " + response->message());
  }
  auto value = parse_json(response->body, "the engine's answer to GET " + target);
  if (!value) {
    co_return tl::make_unexpected(value.error());
  }
  co_return std::optional<json::value>(std::move(*value));
}

}  // namespace rdev::cluster::docker
