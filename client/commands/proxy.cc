#include <unistd.h>

#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/commands/relay.h"
#include "protocol/base/with_timeout.h"

namespace rdev::commands {
namespace {

constexpr int kLinkFailed = 255;  // as ssh says it
constexpr std::chrono::seconds kDialLimit{30};

struct Options {
  std::string name;
  bool raw = false;
};

// The endpoints of the record, or the cluster's when those do not answer (an engine may give a
// restarted container another port).
awaitable<Result<base::Fd>> dial_any(cluster::Cluster& cluster, const state::JobRecord& record) {
  const cluster::JobRef ref = ref_of(record);
  Error last{Code::kUnavailable, "the job " + record.name + " has no endpoint"};
  for (const std::string& endpoint : record.endpoints) {
    auto socket =
        co_await base::with_timeout(cluster.dial(ref, endpoint), kDialLimit, "dialling the agent");
    if (socket) {
      co_return socket;
    }
    last = socket.error();
  }
  const auto status = co_await cluster.status(ref);
  if (!status) {
    co_return tl::make_unexpected(status.error());
  }
  if (status->state == cluster::JobState::kEnded || status->state == cluster::JobState::kGone) {
    co_return fail(Code::kClosed, end_sentence(record.name, *status) + " (rdev down " +
                                      record.name + " removes it)");
  }
  const auto fresh = co_await cluster.endpoints(ref);
  if (fresh && *fresh != record.endpoints) {
    for (const std::string& endpoint : *fresh) {
      auto socket = co_await base::with_timeout(cluster.dial(ref, endpoint), kDialLimit,
                                                "dialling the agent");
      if (socket) {
        co_return socket;
      }
      last = socket.error();
    }
  }
  co_return tl::make_unexpected(last);
}

awaitable<Result<int>> proxy(Context& context, const Options& options) {
  const auto name = job_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  const auto record = state::load(context.paths, *name);
  if (!record) {
    co_return tl::make_unexpected(record.error());
  }
  const auto cluster = cluster_of(context, *record);
  if (!cluster) {
    co_return tl::make_unexpected(cluster.error());
  }
  auto socket = co_await dial_any(**cluster, *record);
  if (!socket) {
    co_return tl::make_unexpected(socket.error());
  }
  co_await relay_stdio(std::move(*socket));
  ::_exit(0);  // a thread of the relay may still wait for stdin
}

}  // namespace

Run setup_proxy(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job")->required();
  app.add_flag("--raw", o->raw, "Pass the bytes to the agent's own SSH server")->required();
  return [o] { return run([o](Context& context) { return proxy(context, *o); }, kLinkFailed); };
}

}  // namespace rdev::commands
