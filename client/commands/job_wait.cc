// Waiting for a job's end, and making it end.
#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <memory>
#include <optional>

#include "client/cluster/openpai/wait.h"
#include "client/commands/job.h"
#include "client/commands/job_text.h"
#include "client/commands/queued_job.h"
#include "client/ui/progress.h"
#include "client/ui/units.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;
namespace openpai = cluster::openpai;

constexpr std::chrono::seconds kPause{1};
constexpr int kMostFailures = 30;
// Exit codes of `wait`.
constexpr int kFailed = 1;
constexpr int kStopped = 3;
constexpr int kTimeout = 124;  // as timeout(1)

struct Options {
  JobChoice choice;
  std::vector<std::string> jobs;
  std::string timeout, until = "ended";
  bool wait = false;
  bool json = false;
};

// Until `is_enough`; what cannot be asked for a while is asked again.
awaitable<Result<openpai::JobDetail>> wait_until(QueuedJob& job, bool running_is_enough,
                                                 ui::Progress& progress) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  int failures = 0;
  for (;;) {
    const auto detail = co_await job.queue.api->job(job.key);
    const bool may_pass = !detail && (detail.error().code == Code::kUnavailable ||
                                      detail.error().code == Code::kTimeout);
    if (!detail && (!may_pass || ++failures == kMostFailures)) {
      co_return tl::make_unexpected(detail.error());
    }
    if (detail) {
      failures = 0;
      progress.stage(detail->raw_state);
      if (openpai::is_final(*detail) ||
          (running_is_enough && detail->state == openpai::State::kRunning)) {
        progress.done();
        co_return *detail;
      }
    }
    timer.expires_after(kPause);
    auto [error] = co_await timer.async_wait(use_tuple);
    if (error) {
      co_return fail(Code::kCancelled, "cancelled");
    }
  }
}

int exit_code_of(const openpai::JobDetail& detail) {
  switch (detail.state) {
    case openpai::State::kFailed:
      return kFailed;
    case openpai::State::kStopped:
      return kStopped;
    default:
      return 0;
  }
}

Result<std::optional<std::chrono::seconds>> limit_of(const Options& options) {
  if (options.timeout.empty()) {
    return std::nullopt;
  }
  auto limit = ui::parse_lifetime(options.timeout);
  return limit ? limit : prefix("--timeout", limit.error());
}

awaitable<Result<int>> wait(Context& context, const Options& options) {
  const auto limit = limit_of(options);
  if (!limit) {
    co_return tl::make_unexpected(limit.error());
  }
  auto job = co_await find_queued_job(context, options.choice.cluster, options.choice.job);
  if (!job) {
    co_return tl::make_unexpected(job.error());
  }
  ui::Progress progress(STDERR_FILENO, ui::terminal_of(STDERR_FILENO));
  auto waiting = wait_until(*job, options.until == "running", progress);
  const auto detail =
      *limit ? co_await base::with_timeout(std::move(waiting), **limit, "waiting for the job")
             : co_await std::move(waiting);
  progress.interrupt();
  if (!detail) {
    if (detail.error().code == Code::kTimeout) {
      note(job->title() + " has not " + (options.until == "running" ? "begun" : "ended") + " in " +
           options.timeout);
      co_return kTimeout;
    }
    co_return tl::make_unexpected(detail.error());
  }
  const auto printed =
      print(options.json ? json::serialize(detail_json(*job, *detail, "")) + "\n"
                         : job->title() + " " + detail->raw_state + "\n" + diagnosis_text(*detail));
  co_return printed ? Result<int>(exit_code_of(*detail)) : tl::make_unexpected(printed.error());
}

awaitable<Result<void>> stop_one(Context& context, const Options& options,
                                 const std::string& name) {
  auto job = co_await find_queued_job(context, options.choice.cluster, name);
  if (!job) {
    co_return tl::make_unexpected(job.error());
  }
  const auto stopped = co_await job->queue.api->stop(job->key);
  if (!stopped) {
    co_return tl::make_unexpected(stopped.error());
  }
  if (!options.wait) {
    co_return print(job->title() + " is being stopped\n");
  }
  ui::Progress progress(STDERR_FILENO, ui::terminal_of(STDERR_FILENO));
  const auto ended = co_await wait_until(*job, false, progress);
  co_return ended ? print(job->title() + " " + ended->raw_state + "\n")
                  : tl::make_unexpected(ended.error());
}

// All of them, also when one cannot be stopped.
awaitable<Result<int>> stop(Context& context, const Options& options) {
  int code = 0;
  for (const std::string& name : options.jobs) {
    const auto stopped = co_await stop_one(context, options, name);
    if (!stopped && stopped.error().code == Code::kUsage) {
      co_return tl::make_unexpected(stopped.error());
    }
    if (!stopped) {
      note(stopped.error().message);
      code = 1;
    }
  }
  co_return code;
}

}  // namespace

void add_job_wait(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = add_verb(job, "wait",
                            "Wait until a job has ended: 0 it succeeded, 1 it failed, 3 it was "
                            "stopped, 124 --timeout is over",
                            "rdev job wait train-42 --timeout 2h && rdev job logs train-42");
  add_job_choice(*verb, o->choice);
  verb->add_option("--until", o->until, "ended (default), or running")
      ->check(CLI::IsMember({"ended", "running"}));
  verb->add_option("--timeout", o->timeout, "How long at most: 90s, 30m, 2h");
  verb->add_flag("--json", o->json, "The result as JSON");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return wait(context, *o); }; });
}

void add_job_stop(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb =
      add_verb(job, "stop", "Stop jobs; their logs stay", "rdev job stop train-41 train-42");
  verb->add_option("JOB", o->jobs, "NAME, or USER~NAME")->required();
  verb->add_option("--cluster", o->choice.cluster, "Where they are");
  verb->add_flag("--wait", o->wait, "Until they have ended");
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return stop(context, *o); }; });
}

}  // namespace rdev::commands
