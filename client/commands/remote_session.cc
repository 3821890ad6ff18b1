#include "client/commands/remote_session.h"

#include <unistd.h>

#include <boost/asio/deferred.hpp>
#include <boost/asio/experimental/parallel_group.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <memory>
#include <utility>

#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/commands/remote_join.h"
#include "client/commands/session_request.h"
#include "client/terminal/exit_code.h"
#include "client/terminal/relay.h"
#include "client/terminal/standard.h"

namespace rdev::commands {
namespace {

constexpr int kNotFound = 127;  // as a shell says it of a command
awaitable<int> wait_for_end(asio::signal_set& signals) {
  for (;;) {
    const auto [error, signal] = co_await signals.async_wait(use_tuple);
    if (error || (signal != SIGWINCH && signal != SIGCONT)) {
      co_return signal;
    }
  }
}

// `work`, unless a signal that ends the process comes first: Code::kCancelled and `*signal`. The
// set keeps what comes later for the next to wait for it.
awaitable<Result<Joined>> or_signal(awaitable<Result<Joined>> work, asio::signal_set& signals,
                                    int* signal) {
  auto executor = co_await asio::this_coro::executor;
  auto [order, work_error, joined, signal_error, number] =
      co_await asio::experimental::make_parallel_group(
          asio::co_spawn(executor, std::move(work), asio::deferred),
          asio::co_spawn(executor, wait_for_end(signals), asio::deferred))
          .async_wait(asio::experimental::wait_for_one(), asio::use_awaitable);
  if (order[0] != 0) {
    *signal = number;
    co_return fail(Code::kCancelled, "interrupted");
  }
  if (work_error) {
    std::rethrow_exception(work_error);
  }
  co_return std::move(joined);
}

// The same with a word to the user while it takes long.
awaitable<Result<Joined>> join_or_signal(Context& context, std::string name, Session session,
                                         asio::signal_set& signals, int* signal) {
  WaitNotice notice(context.executor, name);
  auto work = join_session(context.paths, std::move(name), std::move(session), notice);
  auto joined = co_await or_signal(std::move(work), signals, signal);
  co_await notice.end();
  co_return joined;
}

awaitable<Result<int>> relay(Context& context, const RemoteCommand& command, Joined joined,
                             asio::signal_set& signals) {
  const terminal::RelayOptions options{.terminal = command.terminal,
                                       .raw = command.terminal && ::isatty(STDIN_FILENO) == 1};
  terminal::Relay relay(context.executor, std::move(joined.stream), signals, options);
  const auto end = co_await relay.run();
  if (!end) {
    co_return tl::make_unexpected(co_await why_broken(*joined.link, end.error()));
  }
  if (!end->remark.empty()) {
    note(end->remark);
  }
  co_return end->code;
}

awaitable<Result<int>> remote(Context& context, const RemoteCommand& command) {
  const auto name = instance_name(command.job);
  auto session = session_request(command);
  if (!name || !session) {
    co_return tl::make_unexpected(name ? session.error() : name.error());
  }
  if (!command.argv.empty() && command.argv[0].empty()) {
    note("there is no program '' in " + *name);
    co_return kNotFound;
  }
  asio::signal_set signals(context.executor);
  terminal::add_relayed_signals(signals);
  int signal = 0;
  auto joined = co_await join_or_signal(context, *name, *std::move(session), signals, &signal);
  if (signal != 0) {
    co_return 128 + signal;
  }
  if (!joined) {
    co_return tl::make_unexpected(joined.error());
  }
  if (joined->stream == nullptr) {
    note(joined->refusal);
    co_return 1;
  }
  co_return co_await relay(context, command, std::move(*joined), signals);
}

}  // namespace

Result<void> check_words(const RemoteCommand& command) {
  if (command.unexpected.empty()) {
    return {};
  }
  const std::string& word = command.unexpected.front();
  if (word.starts_with('-')) {
    return fail(Code::kUsage, "there is no option " + word + " (--help lists them)");
  }
  return fail(Code::kUsage, "put -- before the command: " + command.job + " -- " + word);
}

void add_remote_options(CLI::App& app, RemoteCommand& command) {
  app.add_option("NAME", command.job, "The job, or NAME.RANK")->required();
  app.add_option("--env", command.env, "KEY=VALUE for its environment, or KEY to pass yours on")
      ->allow_extra_args(false);
  app.add_option("--user", command.user, "Who it runs as; by default as the job's own user");
  // A command without "--" is told how to be written instead of called unexpected.
  app.allow_extras();
}

int run_remote(const RemoteCommand& command) {
  terminal::open_standard_descriptors();
  if (auto checked = check_words(command); !checked) {
    note(checked.error().message);
    return 2;
  }
  return run([&command](Context& context) { return remote(context, command); },
             terminal::kLinkFailed);
}

}  // namespace rdev::commands
