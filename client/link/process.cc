#include "client/link/process.h"

#include <signal.h>
#include <sys/prctl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <cstdio>
#include <functional>
#include <optional>

#include "client/link/link.h"
#include "client/link/network_events.h"
#include "client/link/places.h"
#include "client/link/seat.h"
#include "client/link/session_identity.h"
#include "client/state/forgotten.h"
#include "client/state/instance_name.h"
#include "client/state/job_record.h"
#include "protocol/base/daemon.h"
#include "protocol/base/listener.h"
#include "protocol/base/log.h"

namespace rdev::link_process {
namespace {

awaitable<void> end_with_record(const state::Paths& paths, Link& link, std::string job) {
  if (const auto forgotten = co_await state::until_forgotten(paths, job); forgotten) {
    link.end({Code::kNotFound, "the job " + job + " was removed"});
  } else if (forgotten.error().code != Code::kCancelled) {
    base::log_warning("the job's end will not be noticed", {{"error", forgotten.error().message}});
  }
}

// Whoever has streams starts another one, of the version that is installed then.
awaitable<void> end_with_signal(Link& link) {
  asio::signal_set signals(co_await asio::this_coro::executor, SIGTERM, SIGINT);
  const auto [error, number] = co_await signals.async_wait(use_tuple);
  if (!error) {
    link.hand_over();
  }
}

void adopt_ours(Link& link, base::Fd socket) {
  if (base::is_trusted_peer(socket.get())) {
    link.adopt(std::move(socket));
  }
}

awaitable<Result<void>> serve(std::string job, base::ReadyPipe& ready) {
  const auto executor = co_await asio::this_coro::executor;
  const auto paths = state::find_paths();
  if (!paths) {
    co_return tl::make_unexpected(paths.error());
  }
  const Background background = link_background(*paths, job);
  const auto seat = co_await Seat::take(background);
  if (!seat) {
    co_return tl::make_unexpected(seat.error());
  }
  // After the lock: who removes the job marks its record first, then ends who holds the lock.
  auto agent = make_agent(executor, *paths, job);
  if (!agent) {
    co_return tl::make_unexpected(agent.error());
  }
  if (auto trimmed = trim_log(background.files.log); !trimmed) {
    base::log_warning("the log stays long", {{"error", trimmed.error().message}});
  }
  const auto record = state::load(*paths, job);
  auto hello = record ? make_hello(*paths, job, record->id) : tl::make_unexpected(record.error());
  if (!hello) {
    co_return tl::make_unexpected(hello.error());
  }
  base::log_info("link process", {{"job", job}, {"program", "rdev " RDEV_VERSION}});
  Link link(executor, **agent, {.job = job, .hello = std::move(*hello)});
  base::TaskGroup tasks(executor);
  tasks.spawn("the job's record", end_with_record(*paths, link, job));
  tasks.spawn("signals", end_with_signal(link));
  const TellEvent tell = [&link](const std::string& what) { link.network_changed(what); };
  tasks.spawn("network events", watch_network(tell));
  tasks.spawn("the machine's sleep", watch_sleep(this_machine(), tell));
  const auto accepted = [&link](base::Fd socket) { adopt_ours(link, std::move(socket)); };
  tasks.spawn("accept",
              base::accept_loop(seat->listener(), accepted, std::bind_front(&Link::room, &link)));
  ready.ready();
  const Error why = co_await link.run();
  base::log_info("the link process ends", {{"why", why.message}});
  tasks.cancel();
  co_await tasks.wait();
  co_return Result<void>{};
}

}  // namespace

int run_link(const std::vector<std::string>& arguments) {
  base::ReadyPipe ready;
  if (arguments.size() != 1 || !state::valid_instance_name(arguments[0])) {
    std::fputs("rdev: link-process is for rdev's own use\n", stderr);
    return 2;
  }
  ::prctl(PR_SET_NAME, "rdev-link");
  ::signal(SIGPIPE, SIG_IGN);
  asio::io_context loop(1);
  std::optional<Result<void>> outcome;
  asio::co_spawn(loop, serve(arguments[0], ready),
                 [&](const std::exception_ptr& thrown, Result<void> result) {
                   if (thrown) {
                     std::rethrow_exception(thrown);
                   }
                   outcome = std::move(result);
                   loop.stop();  // a cluster may still be pumping something
                 });
  loop.run();
  if (!outcome || !*outcome) {
    const Error why = outcome ? outcome->error()
                              : Error{Code::kFailed, "the link process ended without a result"};
    ready.failed(why);
    std::fprintf(stderr, "rdev: %s\n", why.message.c_str());
    return 1;
  }
  return 0;
}

}  // namespace rdev::link_process
