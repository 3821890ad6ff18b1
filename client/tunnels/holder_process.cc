#include <signal.h>
#include <sys/prctl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <optional>

#include "client/link/seat.h"
#include "client/state/forgotten.h"
#include "client/state/instance_name.h"
#include "client/state/job_record.h"
#include "client/tunnels/attached.h"
#include "client/tunnels/holder_server.h"
#include "client/tunnels/places.h"
#include "protocol/base/daemon.h"
#include "protocol/base/listener.h"
#include "protocol/base/log.h"
#include "protocol/base/unix_socket.h"

namespace rdev::tunnels {
namespace {

awaitable<Result<void>> end_with_record(state::Paths paths, std::string job, HolderServer& server) {
  auto forgotten = co_await state::until_forgotten(paths, std::move(job));
  if (forgotten) {
    server.end({Code::kNotFound, "the job was removed"});
  }
  co_return forgotten;
}

awaitable<void> end_with_signal(HolderServer& server) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGTERM, SIGINT);
  const auto [error, number] = co_await signals.async_wait(use_tuple);
  if (!error) {
    server.end({Code::kCancelled, "it was stopped"});
  }
}

void adopt_ours(HolderServer& server, base::Fd socket) {
  if (base::is_trusted_peer(socket.get())) {
    server.adopt(std::move(socket));
  } else {
    base::log_warning("a process of another user was turned away from the socket");
  }
}

awaitable<Result<void>> serve(std::string job, base::ReadyPipe& ready) {
  const auto executor = co_await asio::this_coro::executor;
  const auto paths = state::find_paths();
  if (!paths) {
    co_return tl::make_unexpected(paths.error());
  }
  const link_process::Background background = holder_background(*paths, job);
  const auto seat = co_await link_process::Seat::take(background);
  if (!seat) {
    co_return tl::make_unexpected(seat.error());
  }
  if (auto trimmed = link_process::trim_log(background.files.log); !trimmed) {
    base::log_warning("the log stays long", {{"error", trimmed.error().message}});
  }
  base::log_info("holder of tunnels", {{"job", job}, {"program", "rdev " RDEV_VERSION}});
  HolderServer server(executor, *paths, job, connect_through(*paths, job, Load::kBulk), {});
  if (auto restored = co_await server.restore(); !restored) {
    co_return restored;
  }
  base::TaskGroup tasks(executor);
  tasks.spawn("the job's record", end_with_record(*paths, job, server));
  tasks.spawn("signals", end_with_signal(server));
  tasks.spawn("accept", base::accept_loop(seat->listener(), [&server](base::Fd socket) {
                adopt_ours(server, std::move(socket));
              }));
  ready.ready();
  const Error why = co_await server.run();
  base::log_info("the holder ends", {{"why", why.message}});
  // Who connects from now on waits until this process has gone, and then starts another one.
  tasks.cancel();
  co_await tasks.wait();
  co_await server.stop();
  co_return Result<void>{};
}

}  // namespace

int run_holder(const std::vector<std::string>& arguments) {
  base::ReadyPipe ready;
  if (arguments.size() != 1 || !state::valid_instance_name(arguments[0])) {
    std::fputs("rdev: holder is for rdev's own use\n", stderr);
    return 2;
  }
  ::prctl(PR_SET_NAME, "rdev-holder");
  ::signal(SIGPIPE, SIG_IGN);
  raise_descriptor_limit();
  asio::io_context loop(1);
  std::optional<Result<void>> outcome;
  asio::co_spawn(loop, serve(arguments[0], ready),
                 [&](const std::exception_ptr& thrown, Result<void> result) {
                   if (thrown) {
                     std::rethrow_exception(thrown);
                   }
                   outcome = std::move(result);
                   loop.stop();  // a lookup of a name may take its time
                 });
  loop.run();
  if (!outcome || !*outcome) {
    const Error why =
        outcome ? outcome->error() : Error{Code::kFailed, "the holder ended without a result"};
    ready.failed(why);
    std::fprintf(stderr, "rdev: %s\n", why.message.c_str());
    return 1;
  }
  return 0;
}

}  // namespace rdev::tunnels
