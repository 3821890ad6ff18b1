#include "client/cluster/openpai/wait.h"

#include <algorithm>
#include <boost/asio/steady_timer.hpp>

#include "client/cluster/openpai/logs.h"
#include "client/ui/tail.h"

namespace rdev::cluster::openpai {
namespace {

// The server's limit is 600 calls a minute for all behind one address; it has no way to wait.
constexpr std::chrono::milliseconds kPause{1000};
constexpr std::chrono::milliseconds kPauseOfALongWait{2000};
constexpr std::chrono::minutes kLongWait{2};
// A server that is away for so long in a row is given up.
constexpr int kMostFailures = 30;
constexpr std::size_t kLogLines = 20;

bool may_pass(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

bool all_run(const JobDetail& job) {
  return !job.tasks.empty() &&
         std::all_of(job.tasks.begin(), job.tasks.end(), [](const Task& task) {
           return is_final(task.state) || (task.state == State::kRunning && task.ip);
         });
}

// For people: what goes on, and more of it; the more may be empty.
struct Stage {
  std::string name, detail;
};

Stage by_state(const JobDetail& job) {
  if (job.state == State::kRunning) {
    return {"starting the container", ""};
  }
  return {job.sub_state == "AttemptPreparing" ? "waiting for a node" : "waiting for its turn", ""};
}

Stage by_event(const Waiting& waiting) {
  switch (waiting.kind) {
    case Waiting::Kind::kPulling:
    case Waiting::Kind::kPullFails:
      return {"pulling the image", waiting.sentence};
    case Waiting::Kind::kStarting:
      return {"starting the container", ""};
    case Waiting::Kind::kNoQuota:
    case Waiting::Kind::kNoNode:
    case Waiting::Kind::kOther:
      break;
  }
  return {"waiting for a node", waiting.sentence};
}

// The platform's diagnosis, and what the job itself said last.
awaitable<Error> over(Api& api, const std::string& key, const JobDetail& job) {
  const std::string reason = end_reason(job);
  std::string message =
      "the job is over before it could be used" + (reason.empty() ? "" : ": " + reason);
  ui::Tail tail(kLogLines);
  const Cluster::LogSink sink = [&tail](std::string_view bytes) { tail.add(bytes); };
  const auto read =
      co_await read_logs(api, key, first_failed(job).value_or(0), Cluster::Follow::kNo, sink);
  if (!read) {
    message += "; its log cannot be read: " + read.error().message;
  } else if (!tail.text().empty()) {
    message += "; its log ends with:\n" + tail.text();
  }
  co_return Error{Code::kClosed, std::move(message)};
}

// What is known beyond the state; older servers have no events.
awaitable<std::optional<Waiting>> why_it_waits(Api& api, const std::string& key,
                                               const JobDetail& job) {
  if (job.state == State::kWaiting && job.sub_state != "AttemptPreparing") {
    co_return std::nullopt;
  }
  const auto events = co_await api.events(key);
  co_return events ? waiting_reason(*events) : std::nullopt;
}

}  // namespace

awaitable<Result<void>> wait_until_it_runs(Api& api, const std::string& key,
                                           const Cluster::Progress& progress) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  int failures = 0;
  const auto began = std::chrono::steady_clock::now();
  for (;;) {
    const auto job = co_await api.job(key);
    if (job) {
      failures = 0;
      if (is_final(job->state)) {
        co_return tl::make_unexpected(co_await over(api, key, *job));
      }
      if (job->state == State::kRunning && all_run(*job)) {
        co_return Result<void>();
      }
      const auto waiting = co_await why_it_waits(api, key, *job);
      if (waiting && waiting->hopeless) {
        co_return fail(Code::kNotFound, waiting->sentence);
      }
      const Stage stage = waiting ? by_event(*waiting) : by_state(*job);
      progress(stage.name, stage.detail);
    } else if (!may_pass(job.error()) || ++failures == kMostFailures) {
      co_return tl::make_unexpected(job.error());
    }
    const bool is_long = std::chrono::steady_clock::now() - began > kLongWait;
    timer.expires_after(is_long ? kPauseOfALongWait : kPause);
    auto [error] = co_await timer.async_wait(use_tuple);
    if (error) {
      co_return fail(Code::kCancelled, "cancelled");
    }
  }
}

}  // namespace rdev::cluster::openpai
