#include "client/cluster/docker/remove.h"

#include <chrono>

namespace rdev::cluster::docker {
namespace {

// What the job has between SIGTERM and SIGKILL.
constexpr int kGraceSeconds = 5;
constexpr auto kStopLimit = std::chrono::seconds(60);
constexpr auto kRemoveLimit = std::chrono::minutes(2);

Request make_request(std::string method, const std::string& container, const std::string& what) {
  Request request;
  request.method = std::move(method);
  request.target = "/containers/" + container + what;
  return request;
}

}  // namespace

awaitable<Result<void>> remove_container(Engine& engine, std::string name_or_id) {
  auto response =
      co_await engine.call(make_request("DELETE", name_or_id, "?force=1&v=1"), kRemoveLimit);
  if (!response) {
    co_return tl::make_unexpected(response.error());
  }
  if (response->ok() || response->status == 404) {
    co_return Result<void>();
  }
  if (response->status != 409 || response->message().find("in progress") == std::string::npos) {
    co_return fail(Code::kFailed, "removing container " + name_or_id + ": " + response->message());
  }
  // Somebody else removes it: wait for that.
  auto waited = co_await engine.call(make_request("POST", name_or_id, "/wait?condition=removed"),
                                     kRemoveLimit);
  if (!waited) {
    co_return tl::make_unexpected(waited.error());
  }
  co_return Result<void>();
}

awaitable<Result<void>> stop_container(Engine& engine, std::string name_or_id) {
  auto stopped = co_await engine.call(
      make_request("POST", name_or_id, "/stop?t=" + std::to_string(kGraceSeconds)), kStopLimit);
  // What can't be stopped gently is removed by force; the removal has the last word.
  if (!stopped && stopped.error().code != Code::kTimeout) {
    co_return tl::make_unexpected(stopped.error());
  }
  co_return co_await remove_container(engine, name_or_id);
}

}  // namespace rdev::cluster::docker
