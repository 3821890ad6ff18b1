#include "client/cluster/openpai/logs.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>
#include <charconv>

#include "client/cluster/openpai/read_json.h"

namespace rdev::cluster::openpai {
namespace {

constexpr std::size_t kMaxPiece = 256U << 20U;
constexpr std::chrono::seconds kPause{1};
// What is fetched for a number of last lines.
constexpr std::size_t kLineBytes = 256;
constexpr std::size_t kLeastTail = 16384;
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

// That of the wanted name; "all" where any will do.
Result<std::string> uri_of(const std::vector<LogLocation>& locations, const std::string& wanted) {
  for (const std::string& name :
       wanted.empty() ? std::vector<std::string>{"all", "stdout", "stderr"} : std::vector{wanted}) {
    for (const LogLocation& location : locations) {
      if (location.name == name) {
        return location.uri;
      }
    }
  }
  if (wanted.empty() || locations.empty()) {
    return std::string();
  }
  std::string names;
  for (const LogLocation& location : locations) {
    names += (names.empty() ? "" : ", ") + plain(location.name, 40);
  }
  return fail(Code::kNotFound, "there is no log \"" + wanted + "\"; there are: " + names);
}

// Before 1.4: http://NODE:9103/log-manager/tail/…/, without a token; "tail" would be its last 16
// KiB.
std::string old_log(std::string directory, const std::string& wanted) {
  constexpr std::string_view kTail = "/log-manager/tail/";
  if (const std::size_t at = directory.find(kTail); at != std::string::npos) {
    directory.replace(at, kTail.size(), "/log-manager/full/");
  }
  return directory + "user.pai." + (wanted.empty() ? "all" : wanted);
}

// The URI of a task's log; empty while there is none. It is good for two minutes.
awaitable<Result<std::string>> find_log(Api& api, const std::string& key, const Task& task,
                                        const std::string& name) {
  if (!task.log.starts_with("/api/")) {
    co_return task.log.empty() ? "" : old_log(task.log, name);
  }
  const auto locations = co_await api.log_locations(task.log, key);
  if (!locations) {
    co_return tl::make_unexpected(locations.error());
  }
  co_return uri_of(*locations, name);
}

// A piece of a log, and where in the log it ends.
struct Piece {
  std::string text;
  std::size_t end = 0;
};

// The number behind the "/" of "bytes 0-9/10".
std::optional<std::size_t> whole_of(const std::string& content_range) {
  const std::size_t slash = content_range.find('/');
  std::size_t number = 0;
  const char* begin = content_range.data() + slash + 1;
  const char* end = content_range.data() + content_range.size();
  if (slash == std::string::npos || std::from_chars(begin, end, number).ptr != end) {
    return std::nullopt;
  }
  return number;
}

// What the log has from `from` on; with `last`, of its last bytes no more than those.
awaitable<Result<Piece>> read_from(const Account& account, const std::string& uri, std::size_t from,
                                   std::optional<std::size_t> last) {
  auto place = place_of(account, uri);
  if (!place) {
    co_return tl::make_unexpected(place.error());
  }
  http::Client client({.base = place->base, .tls = account.tls, .limit = std::chrono::minutes(10)});
  http::Call call{.target = place->rest};
  call.max_bytes = kMaxPiece;
  if (last) {
    call.headers.emplace_back("Range", "bytes=-" + std::to_string(*last));
  } else if (from > 0) {
    call.headers.emplace_back("Range", "bytes=" + std::to_string(from) + "-");
  }
  auto answer = co_await client.call(std::move(call));
  if (!answer) {
    co_return tl::make_unexpected(answer.error());
  }
  std::string& text = answer->body;
  if (answer->status == 416) {  // nothing new
    co_return Piece{.text = {}, .end = from};
  }
  if (answer->status == 200) {  // the whole, whatever was asked for
    const std::size_t end = text.size();
    const std::size_t begin = last ? end - std::min(*last, end) : std::min(from, end);
    co_return Piece{.text = text.substr(begin), .end = std::max(from, end)};
  }
  if (answer->status == 206) {
    const std::size_t end = from + text.size();
    co_return Piece{.text = std::move(text), .end = whole_of(answer->content_range).value_or(end)};
  }
  co_return tl::make_unexpected(explain(Doing::kLogs,
                                        {.status = answer->status,
                                         .content_type = answer->content_type,
                                         .body = {},
                                         .retry_after = answer->retry_after},
                                        {.cluster = account.cluster}));
}

std::string_view last_lines(std::string_view text, std::size_t lines) {
  std::size_t at = text.size() - (text.ends_with('\n') ? 1 : 0);
  for (; lines > 0; --lines) {
    at = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    if (at == std::string_view::npos) {
      return text;
    }
  }
  return text.substr(at + 1);
}

// One log, as it grows.
class Reader final {
 public:
  Reader(Api& api, std::string key, LogChoice choice, Cluster::LogSink sink)
      : api_(api), key_(std::move(key)), choice_(std::move(choice)), sink_(std::move(sink)) {}

  // What is new of it.
  awaitable<Result<void>> go_on(const JobDetail& job) {
    const Task* task = choice_.task(job);
    const auto uri =
        task != nullptr ? co_await find_log(api_, key_, *task, choice_.name) : std::string();
    // A container that is not there yet has no log: nothing was written.
    if (!uri && uri.error().code != Code::kUnavailable) {
      co_return tl::make_unexpected(uri.error());
    }
    if (!uri || uri->empty()) {
      co_return Result<void>();
    }
    if (log_of_ != task->log) {
      log_of_ = task->log;
      seen_ = 0;
    }
    co_return co_await read(*uri);
  }

 private:
  awaitable<Result<void>> read(const std::string& uri) {
    std::optional<std::size_t> last;
    if (choice_.tail && seen_ == 0) {
      last = std::max(kLeastTail, *choice_.tail * kLineBytes);
    }
    const auto piece = co_await read_from(api_.account(), uri, seen_, last);
    if (!piece) {
      co_return tl::make_unexpected(piece.error());
    }
    seen_ = piece->end;
    sink_(last ? last_lines(piece->text, *choice_.tail) : std::string_view(piece->text));
    co_return Result<void>();
  }

  Api& api_;
  std::string key_;
  LogChoice choice_;
  Cluster::LogSink sink_;
  std::size_t seen_ = 0;
  std::string log_of_;  // the attempt that `seen_` counts in
};

}  // namespace

awaitable<Result<void>> read_logs(Api& api, std::string key, int instance, Cluster::Follow follow,
                                  Cluster::LogSink sink) {
  LogChoice choice;
  choice.task = [instance](const JobDetail& job) { return agent_task(job, instance); };
  co_return co_await read_logs(api, std::move(key), std::move(choice), follow, std::move(sink));
}

awaitable<Result<void>> read_logs(Api& api, std::string key, LogChoice choice,
                                  Cluster::Follow follow, Cluster::LogSink sink) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const std::optional<int> attempt = choice.attempt;
  Reader reader(api, key, std::move(choice), std::move(sink));
  for (;;) {
    const auto job = attempt ? co_await api.attempt(key, *attempt) : co_await api.job(key);
    if (!job) {
      co_return tl::make_unexpected(job.error());
    }
    const auto read = co_await reader.go_on(*job);
    if (!read || follow == Cluster::Follow::kNo || is_final(*job) || attempt) {
      co_return read;
    }
    timer.expires_after(kPause);
    auto [error] = co_await timer.async_wait(use_tuple);
    if (error) {
      co_return fail(Code::kCancelled, "cancelled");
    }
  }
}

}  // namespace rdev::cluster::openpai
