#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "client/cluster/docker/address.h"
#include "client/cluster/docker/connection.h"
#include "client/cluster/docker/json.h"
#include "client/http/http.h"

namespace rdev::cluster::docker {

using http::Request, http::ResponseStream;

struct Response {
  int status = 0;
  std::string body;

  bool ok() const { return status >= 200 && status < 400; }
  // The engine's {"message": …}, else the body's beginning.
  std::string message() const;
};

// Calls of the Engine API (docs.docker.com/engine/api), in the newest version that both sides know.
// All failures to reach the engine are Code::kUnavailable with what to try.
class Engine final {
 public:
  static constexpr std::size_t kMaxBody = 32 << 20;
  static constexpr auto kUsualLimit = std::chrono::seconds(60);

  explicit Engine(EngineAddress address) : address_(std::move(address)) {}

  const EngineAddress& address() const { return address_; }

  // The whole response, whatever its status.
  awaitable<Result<Response>> call(Request request,
                                   std::chrono::steady_clock::duration limit = kUsualLimit);

  // A response whose body comes bit by bit; `limit` is for its head.
  awaitable<Result<std::unique_ptr<ResponseStream>>> open(
      Request request, std::chrono::steady_clock::duration limit = kUsualLimit);

  // Keeps the connection for the next call.
  void give_back(std::unique_ptr<Connection> connection);

 private:
  awaitable<Result<Response>> call_now(Request request);
  awaitable<Result<std::unique_ptr<ResponseStream>>> open_now(Request request);
  awaitable<Result<std::unique_ptr<ResponseStream>>> send(Request request);
  awaitable<Result<void>> negotiate();
  awaitable<Result<void>> ping();

  EngineAddress address_;
  std::string version_;  // "/v1.41"; empty before the first call
  std::unique_ptr<Connection> idle_;
  std::chrono::steady_clock::time_point idle_since_;
};

// The version to speak with an engine whose newest is `theirs` ("1.41"): the lower of both; empty
// when it is too old for us.
std::string api_version(const std::string& theirs);

// A GET of JSON: nullopt for 404.
awaitable<Result<std::optional<json::value>>> get_json(Engine& engine, std::string target);

}  // namespace rdev::cluster::docker
