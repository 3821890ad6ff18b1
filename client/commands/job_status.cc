#include <unistd.h>

#include <boost/json.hpp>
#include <memory>
#include <optional>

#include "client/commands/job.h"
#include "client/commands/job_text.h"
#include "client/commands/queued_job.h"
#include "client/commands/watch.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;
namespace openpai = cluster::openpai;

constexpr std::chrono::seconds kWatchPause{1};

struct Options {
  JobChoice choice;
  std::optional<int> attempt;
  bool watch = false;
  bool json = false;
};

struct Asked {
  openpai::JobDetail detail;
  std::string waits_for;
};

awaitable<Result<Asked>> ask(QueuedJob& job, std::optional<int> attempt) {
  openpai::Api& api = *job.queue.api;
  auto detail = attempt ? co_await api.attempt(job.key, *attempt) : co_await api.job(job.key);
  if (!detail) {
    co_return tl::make_unexpected(detail.error());
  }
  Asked asked{.detail = *std::move(detail), .waits_for = {}};
  if (asked.detail.state == openpai::State::kWaiting) {
    // Older servers have no events: then nobody knows.
    const auto events = co_await api.events(job.key);
    const auto waiting = events ? openpai::waiting_reason(*events) : std::nullopt;
    asked.waits_for = waiting ? waiting->sentence : "";
  }
  co_return asked;
}

awaitable<Result<Picture>> draw(QueuedJob& job, const Options& options, const ui::Look& look) {
  const auto asked = co_await ask(job, options.attempt);
  if (!asked) {
    co_return tl::make_unexpected(asked.error());
  }
  const auto& [detail, waits_for] = *asked;
  co_return Picture{.text = options.json
                                ? json::serialize(detail_json(job, detail, waits_for)) + "\n"
                                : detail_text(job, detail, waits_for, look),
                    .is_last = openpai::is_final(detail)};
}

awaitable<Result<int>> status(Context& context, const Options& options) {
  auto job = co_await find_queued_job(context, options.choice.cluster, options.choice.job);
  if (!job) {
    co_return tl::make_unexpected(job.error());
  }
  Result<void> shown;
  if (options.watch) {
    shown = co_await watch(kWatchPause,
                           [&](const ui::Look& look) { return draw(*job, options, look); });
  } else {
    const auto picture = co_await draw(*job, options, ui::look_of(STDOUT_FILENO));
    shown = picture ? print(picture->text) : tl::make_unexpected(picture.error());
  }
  co_return shown ? Result<int>(0) : tl::make_unexpected(shown.error());
}

}  // namespace

void add_job_status(CLI::App& job, const Chosen& chosen) {
  auto o = std::make_shared<Options>();
  CLI::App* verb = add_verb(job, "status", "Show one job: its tasks, and why it waits or failed",
                            "rdev job status alice~train-42 --watch");
  add_job_choice(*verb, o->choice);
  verb->add_option("--attempt", o->attempt, "An earlier attempt of a job that was retried, from 0")
      ->check(CLI::NonNegativeNumber);
  CLI::Option* watching = verb->add_flag("--watch", o->watch, "Go on until the job has ended");
  verb->add_flag("--json", o->json, "The result as JSON")->excludes(watching);
  verb->callback([o, chosen] { *chosen = [o](Context& context) { return status(context, *o); }; });
}

}  // namespace rdev::commands
