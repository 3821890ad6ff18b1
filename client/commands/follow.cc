#include "client/commands/follow.h"

#include <unistd.h>

#include <boost/asio/steady_timer.hpp>

#include "client/commands/fetch.h"
#include "client/commands/interrupt.h"
#include "client/commands/jobs.h"
#include "client/commands/log_output.h"
#include "client/sshconfig/entry.h"
#include "client/ui/progress.h"
#include "client/ui/units.h"
#include "protocol/base/all_of.h"

namespace rdev::commands {
namespace {

constexpr std::chrono::seconds kPause{1};
constexpr int kMostPauses = 60;

// A log may be over a moment before its cluster says that the job is.
awaitable<Result<cluster::JobStatus>> ended_status(cluster::Cluster& cluster,
                                                   const cluster::JobRef& ref) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  for (int pauses = 0;; ++pauses) {
    auto status = co_await cluster.status(ref);
    const bool may_pass =
        status ? !cluster::is_over(*status)
               : status.error().code == Code::kUnavailable || status.error().code == Code::kTimeout;
    if (!may_pass) {
      co_return status;
    }
    if (pauses == kMostPauses) {
      co_return status ? fail(Code::kFailed, "the log of " + ref.name +
                                                 " is over, yet it runs: rdev logs -f goes on")
                       : status;
    }
    timer.expires_after(kPause);
    auto [error] = co_await timer.async_wait(use_tuple);
    if (error) {
      co_return fail(Code::kCancelled, "cancelled");
    }
  }
}

struct Run {
  Context& context;
  const state::JobRecord& record;
  const RunScript& script;
  const std::vector<std::string>& results;
  int code = 0;
  bool all_fetched = true;
};

awaitable<Result<int>> follow_to_end(Context& context, const state::JobRecord& record) {
  const auto cluster = cluster_of(context, record);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  const cluster::JobRef ref = ref_of(record);
  LogOutput output;
  auto read = co_await (*cluster)->logs(ref, cluster::Cluster::Follow::kYes, output.sink());
  if (read) {
    read = output.written();
  }
  if (!read) {
    co_return tl::make_unexpected(read.error());
  }
  const auto status = co_await ended_status(**cluster, ref);
  if (!status) {
    co_return tl::make_unexpected(status.error());
  }
  if (!status->exit_code) {
    co_return fail(Code::kFailed, end_sentence(record.name, *status));
  }
  if (!status->reason.empty()) {
    note(end_sentence(record.name, *status));
  }
  co_return *status->exit_code;
}

awaitable<Result<void>> follow_log(Run& run) {
  const auto code = co_await follow_to_end(run.context, run.record);
  run.code = code.value_or(1);
  co_return code ? Result<void>() : tl::make_unexpected(code.error());
}

// Where a job has ended its log says more.
awaitable<Result<void>> fetch(Run& run) {
  ui::Progress progress(STDERR_FILENO, ui::terminal_of(STDERR_FILENO));
  const auto fetched =
      co_await fetch_results(run.context, run.record.name, run.script, run.results, progress);
  run.all_fetched = fetched.value_or(false);
  if (fetched) {
    co_return Result<void>();
  }
  const auto cluster = cluster_of(run.context, run.record);
  const auto status = cluster ? co_await (*cluster)->status(ref_of(run.record))
                              : tl::make_unexpected(cluster.error());
  if (status && cluster::is_over(*status)) {
    note("its results are lost: " + fetched.error().message);
    co_return Result<void>();
  }
  co_return tl::make_unexpected(fetched.error());
}

// Where an unfinished job is left.
std::string how_to_go_on(const Run& run) {
  const std::string& name = run.record.name;
  std::string text = "rdev logs " + name + " -f shows its log, rdev down " + name + " ends it";
  if (!run.results.empty()) {
    const std::string& first = run.results.front();
    text += "; for " + ui::format_age(run.script.patience) +
            " after its command's end it keeps the results: scp -r " + sshconfig::host_alias(name) +
            ":" + (first.starts_with('/') ? first : source_directory(run.script) + "/" + first) +
            " .";
  }
  return text;
}

}  // namespace

awaitable<Result<int>> follow_run(Context& context, const state::JobRecord& record,
                                  const RunScript& script,
                                  const std::vector<std::string>& results) {
  note(record.name + " is up on " + record.cluster + "; its log:");
  Run run{.context = context, .record = record, .script = script, .results = results};
  std::vector<awaitable<Result<void>>> works;
  works.reserve(2);
  works.push_back(follow_log(run));
  if (!results.empty()) {
    works.push_back(fetch(run));
  }
  int signal = 0;
  const auto done = co_await interruptible(base::all_of(std::move(works)), &signal);
  if (signal != 0) {
    note(record.name + " goes on: " + how_to_go_on(run));
    co_return 128 + signal;
  }
  if (!done) {
    note(done.error().message);
    note(how_to_go_on(run));
    co_return 1;
  }
  co_return run.code == 0 && !run.all_fetched ? 1 : run.code;
}

}  // namespace rdev::commands
