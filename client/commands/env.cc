#include <memory>
#include <utility>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/env_ask.h"
#include "client/commands/env_diff.h"
#include "client/commands/interrupt.h"
#include "client/commands/jobs.h"
#include "client/commands/wait_notice.h"
#include "client/link/attach.h"
#include "client/terminal/exit_code.h"

namespace rdev::commands {
namespace {

struct Options {
  std::string action;
  std::string name;
  bool json = false;
  bool show_secrets = false;
};

awaitable<Result<std::unique_ptr<link_process::Attached>>> attach(const state::Paths& paths,
                                                                  std::string name,
                                                                  WaitNotice& notice) {
  link_process::AttachOptions options;
  options.what = "env";
  options.waiting = [&notice](const std::string& why) { notice.reason(why); };
  co_return co_await link_process::Attached::attach(paths, std::move(name), std::move(options));
}

awaitable<Result<std::vector<SeenEnvironment>>> ask(const state::Paths& paths, std::string name,
                                                    WaitNotice& notice, int* signal) {
  const auto link = co_await interruptible(attach(paths, std::move(name), notice), signal);
  if (!link) {
    co_return tl::make_unexpected(link.error());
  }
  auto all = co_await interruptible(ask_environments(**link), signal);
  if (*signal != 0) {
    co_await end_interrupted(**link);
  }
  co_return all;
}

awaitable<Result<int>> diff(Context& context, const Options& options) {
  const auto name = instance_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  int signal = 0;
  WaitNotice notice(context.executor, *name);
  const auto all = co_await ask(context.paths, *name, notice, &signal);
  co_await notice.end();
  if (signal != 0) {
    co_return 128 + signal;
  }
  if (!all) {
    co_return tl::make_unexpected(all.error());
  }
  EnvDiff found = compare(*all);
  if (!options.show_secrets) {
    mask(found);
  }
  const auto printed = print(options.json ? as_json(*name, *all, found) : as_text(*all, found));
  if (!printed) {
    co_return tl::make_unexpected(printed.error());
  }
  co_return 0;
}

}  // namespace

Run setup_env(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("ACTION", o->action,
                 "diff: how the environments of a terminal, of commands, of SFTP and of the job's "
                 "own command differ")
      ->required()
      ->check(CLI::IsMember({"diff"}));
  app.add_option("NAME", o->name, "The job; by default that of the working directory");
  app.add_flag("--json", o->json, "The result as JSON");
  app.add_flag("--show-secrets", o->show_secrets,
               "Show also values whose names look like a secret's");
  return [o] {
    return run([o](Context& context) { return diff(context, *o); }, terminal::kLinkFailed);
  };
}

}  // namespace rdev::commands
