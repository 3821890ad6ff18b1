#include <unistd.h>

#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/commands/relay.h"

namespace rdev::commands {
namespace {

constexpr int kLinkFailed = 255;  // as ssh says it

struct Options {
  std::string name;
  bool raw = false;
};

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
  auto dialled = co_await cluster::dial_any(**cluster, *record);
  if (!dialled) {
    co_return tl::make_unexpected(dialled.error());
  }
  co_await relay_stdio(std::move(dialled->socket));
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
