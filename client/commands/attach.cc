#include <unistd.h>

#include <memory>

#include "client/cluster/openpai/listing.h"
#include "client/commands/command.h"
#include "client/commands/launch.h"
#include "client/commands/queued_job.h"
#include "client/commands/up_report.h"
#include "client/state/identity.h"
#include "client/tunnels/holder.h"

namespace rdev::commands {
namespace {

namespace openpai = cluster::openpai;

struct Options {
  std::string job, cluster;
  bool json = false;
};

bool is_named(const cluster::ListedJob& job, const std::string& name) {
  return job.ref.name == name || job.ref.native == name || job.ref.native.ends_with("~" + name);
}

// Why a job that a queue has cannot be taken over, in the words that help.
awaitable<Error> why_not(Context& context, const Options& options, const std::string& owner) {
  auto job = co_await find_queued_job(context, options.cluster, options.job);
  const auto config =
      job ? co_await job->queue.api->config(job->key) : tl::make_unexpected(job.error());
  if (!config) {
    co_return config.error();
  }
  if (!config->rdev) {
    co_return Error{Code::kUsage, job->title() +
                                      " has no agent in it: only jobs that rdev up has started "
                                      "have one (rdev job status shows any job)"};
  }
  if (config->rdev->owner != owner) {
    co_return Error{Code::kPermission, job->title() +
                                           " belongs to another key: its agent lets in " +
                                           config->rdev->owner + ", and yours is " + owner};
  }
  const auto detail = co_await job->queue.api->job(job->key);
  co_return detail ? Error{Code::kExists, job->title() + " is " + detail->raw_state +
                                              ": there is nothing to take over"}
                   : detail.error();
}

awaitable<Result<ClusterJob>> find(Context& context, const Options& options) {
  const auto key = state::long_lived_key(context.paths);
  if (!key) {
    co_return tl::make_unexpected(key.error());
  }
  std::vector<std::string> clusters;
  if (!options.cluster.empty()) {
    clusters = {options.cluster};
  }
  auto listed = co_await list_by_label(context, std::move(clusters));
  if (!listed) {
    co_return tl::make_unexpected(listed.error());
  }
  std::vector<ClusterJob> found;
  for (ClusterJob& job : listed->jobs) {
    if (is_named(job.job, options.job)) {
      found.push_back(std::move(job));
    }
  }
  if (found.size() == 1) {
    co_return std::move(found.front());
  }
  if (found.size() > 1) {
    std::string names;
    for (const ClusterJob& one : found) {
      names += "\n  rdev attach " + one.job.ref.native + " --cluster " + one.cluster;
    }
    co_return fail(Code::kUsage, "several jobs are called " + options.job + ":" + names);
  }
  if (!templates::cluster_names(context.paths).empty()) {
    co_return tl::make_unexpected(
        co_await why_not(context, options, key->public_key().fingerprint()));
  }
  std::string message = "no job " + options.job + " with an agent of yours runs";
  for (const Error& error : listed->unreachable) {
    message += "; a cluster could not be asked: " + error.message;
  }
  co_return fail(Code::kNotFound, message);
}

awaitable<Result<int>> attach(Context& context, const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  if (!options.cluster.empty()) {
    if (auto known = cluster::Clusters::check_name(context.paths, options.cluster); !known) {
      co_return tl::make_unexpected(known.error());
    }
  }
  ui::Progress progress(STDERR_FILENO, ui::terminal_of(STDERR_FILENO));
  progress.stage("looking for " + options.job);
  auto found = co_await find(context, options);
  if (!found) {
    progress.interrupt();
    co_return tl::make_unexpected(found.error());
  }
  const std::string name = found->job.ref.name;
  const auto lock = lock_or_wait(context, name);
  auto known = lock ? state::load(context.paths, name) : tl::make_unexpected(lock.error());
  if (!known && known.error().code != Code::kNotFound) {
    co_return tl::make_unexpected(known.error());
  }
  if (known && known->id != found->job.ref.id) {
    co_return fail(Code::kExists, "there is another job " + name + " here, on " + known->cluster +
                                      ": rdev down " + name + " ends it, rdev down --forget " +
                                      name + " only forgets it");
  }
  UpReport report{.record = {}, .outcome = known ? Outcome::kAlreadyRunning : Outcome::kTakenOver};
  auto record = known ? co_await reattach(context, *std::move(known), progress)
                      : co_await take_over(context, *std::move(found), progress);
  progress.interrupt();
  if (!record) {
    co_return tl::make_unexpected(record.error());
  }
  if (auto resumed = co_await tunnels::resume(context.paths, name); !resumed) {
    note("its tunnels are not open: " + resumed.error().message);
  }
  report.record = *std::move(record);
  report.elapsed = std::chrono::steady_clock::now() - began;
  const auto printed = print_report(context, report, options.json ? &progress.timings() : nullptr);
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

}  // namespace

Run setup_attach(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("JOB", o->job, "Its name as rdev up gave it, or as the cluster has it")
      ->required();
  app.add_option("--cluster", o->cluster, "Where it runs; by default all clusters are asked");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return attach(context, *o); }); };
}

}  // namespace rdev::commands
