#include "client/cluster/openpai/logs.h"

#include <boost/asio/steady_timer.hpp>

namespace rdev::cluster::openpai {
namespace {

constexpr std::size_t kMaxPiece = 256U << 20U;
constexpr std::chrono::seconds kPause{1};
constexpr std::string_view kRestServer = "/rest-server";

// A URI of the API is relative to the web portal, which leads to the node that has the log.
Result<http::Target> place_of(const Account& account, const std::string& uri) {
  if (uri.starts_with("http://") || uri.starts_with("https://")) {
    return http::parse_url(uri);
  }
  http::Base portal = account.url;
  if (portal.path.ends_with(kRestServer)) {
    portal.path.resize(portal.path.size() - kRestServer.size());
  }
  return http::Target{.base = std::move(portal), .rest = uri};
}

// "all" where there is one.
std::string best_of(const std::vector<LogLocation>& locations) {
  for (const char* name : {"all", "stdout", "stderr"}) {
    for (const LogLocation& location : locations) {
      if (location.name == name) {
        return location.uri;
      }
    }
  }
  return {};
}

// Before 1.4: http://NODE:9103/log-manager/tail/…/, without a token; "tail" would be its last 16
// KiB.
std::string old_log(std::string directory) {
  constexpr std::string_view kTail = "/log-manager/tail/";
  if (const std::size_t at = directory.find(kTail); at != std::string::npos) {
    directory.replace(at, kTail.size(), "/log-manager/full/");
  }
  return directory + "user.pai.all";
}

// The URI of the log of the agent's task. It is good for two minutes.
awaitable<Result<std::string>> find_log(Api& api, const std::string& key, const Task& task) {
  if (!task.log.starts_with("/api/")) {
    co_return task.log.empty() ? "" : old_log(task.log);
  }
  const auto locations = co_await api.log_locations(task.log, key);
  if (!locations) {
    co_return tl::make_unexpected(locations.error());
  }
  co_return best_of(*locations);
}

// What the log has from `from` on.
awaitable<Result<std::string>> read_from(const Account& account, const std::string& uri,
                                         std::size_t from) {
  auto place = place_of(account, uri);
  if (!place) {
    co_return tl::make_unexpected(place.error());
  }
  http::Client client({.base = place->base, .tls = account.tls, .limit = std::chrono::minutes(10)});
  http::Call call{.target = place->rest};
  call.max_bytes = kMaxPiece;
  if (from > 0) {
    call.headers.emplace_back("Range", "bytes=" + std::to_string(from) + "-");
  }
  auto answer = co_await client.call(std::move(call));
  if (!answer) {
    co_return tl::make_unexpected(answer.error());
  }
  if (answer->status == 416) {  // nothing new
    co_return std::string();
  }
  if (answer->status == 200) {  // the whole, whatever was asked for
    co_return answer->body.size() > from ? answer->body.substr(from) : std::string();
  }
  if (answer->status == 206) {
    co_return std::move(answer->body);
  }
  co_return tl::make_unexpected(explain(Doing::kLogs,
                                        {.status = answer->status,
                                         .content_type = answer->content_type,
                                         .body = {},
                                         .retry_after = answer->retry_after},
                                        {.cluster = account.cluster}));
}

}  // namespace

awaitable<Result<void>> read_logs(Api& api, std::string key, int instance, Cluster::Follow follow,
                                  Cluster::LogSink sink) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  std::size_t seen = 0;
  std::string log_of;  // the attempt that `seen` counts in
  for (;;) {
    const auto job = co_await api.job(key);
    if (!job) {
      co_return tl::make_unexpected(job.error());
    }
    const bool is_last = follow == Cluster::Follow::kNo || is_final(*job);
    const Task* task = agent_task(*job, instance);
    const auto uri = task != nullptr ? co_await find_log(api, key, *task) : std::string();
    // A container that is not there yet has no log: nothing was written.
    if (!uri && uri.error().code != Code::kUnavailable) {
      co_return tl::make_unexpected(uri.error());
    }
    if (uri && !uri->empty()) {
      if (log_of != task->log) {
        log_of = task->log;
        seen = 0;
      }
      const auto text = co_await read_from(api.account(), *uri, seen);
      if (!text) {
        co_return tl::make_unexpected(text.error());
      }
      seen += text->size();
      sink(*text);
    }
    if (is_last) {
      co_return Result<void>();
    }
    timer.expires_after(kPause);
    auto [error] = co_await timer.async_wait(use_tuple);
    if (error) {
      co_return fail(Code::kCancelled, "cancelled");
    }
  }
}

}  // namespace rdev::cluster::openpai
