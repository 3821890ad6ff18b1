#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <memory>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/jobs.h"
#include "client/link/attach.h"
#include "client/terminal/input.h"
#include "client/terminal/output.h"
#include "client/tunnels/attached.h"
#include "client/tunnels/front_keys.h"
#include "client/tunnels/shared_link.h"
#include "protocol/base/log.h"
#include "protocol/base/task_group.h"
#include "protocol/stream/socket_stream.h"

namespace rdev::commands {
namespace {

constexpr int kLinkFailed = 255;  // as ssh says it

struct Options {
  std::string name;
  bool raw = false;
  bool direct = false;
};

// When the stream takes no more, that shows in the other direction, too.
awaitable<void> copy_up(stream::Stream& stream) {
  terminal::Input input(co_await asio::this_coro::executor, STDIN_FILENO);
  for (;;) {
    const auto piece = co_await input.next();
    if (!piece || piece->empty()) {
      stream.write_eof();
      co_return;
    }
    if (!co_await stream.write(asio::buffer(*piece))) {
      co_return;
    }
  }
}

// Until the agent's SSH server has ended, or the reader of stdout has.
awaitable<Result<void>> copy_down(stream::Stream& stream) {
  terminal::Output output(co_await asio::this_coro::executor, STDOUT_FILENO);
  for (;;) {
    const auto room = co_await output.room();
    if (!room) {
      co_return room.error().code == Code::kClosed ? Result<void>()
                                                   : tl::make_unexpected(room.error());
    }
    const auto n = co_await stream.read(*room);
    if (!n || *n == 0) {
      auto flushed = co_await output.flush();
      co_return n ? flushed : tl::make_unexpected(n.error());
    }
    if (auto given = output.commit(*n); !given) {
      co_return given;
    }
  }
}

awaitable<Result<void>> join_stdio(stream::Stream& stream) {
  base::TaskGroup tasks(co_await asio::this_coro::executor);
  tasks.spawn("stdin", copy_up(stream));
  auto copied = co_await copy_down(stream);
  tasks.cancel();
  co_await tasks.wait();
  co_return copied;
}

awaitable<void> keep_up(tunnels::SharedLink& link) { (void)co_await link.run(); }

// Without the link nothing goes on. Ours is the first word: ssh ends us as soon as it is told.
awaitable<void> end_with_link(tunnels::SharedLink& link, front::Front& front, bool& lost) {
  const Error why = co_await link.lost();
  lost = true;
  note(why.message);
  front.disconnect("there is no link to the job");
}

// SSH ends in this process, and each of its channels is a stream of the job's link. The handshake
// does not wait for that.
awaitable<Result<int>> serve_stdio(Context& context, std::string name, front::Keys keys) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) {
    co_return fail_errno("socketpair");
  }
  stream::SocketStream stdio(context.executor, base::Fd(ends[0]));
  base::Fd socket(ends[1]);
  tunnels::SharedLink link(
      context.executor,
      tunnels::connect_through(context.paths, name, tunnels::Load::kInteractive, "proxy"), {});
  front::Front front(context.executor, link, std::move(keys));
  base::TaskGroup tasks(context.executor);
  bool lost = false;
  tasks.spawn("link", keep_up(link));
  tasks.spawn("the link's end", end_with_link(link, front, lost));
  front.serve(std::move(socket), "link");
  const auto joined = co_await join_stdio(stdio);
  tasks.cancel();
  co_await tasks.wait();
  co_await front.stop("the client has gone");
  if (!joined && !lost) {
    co_return tl::make_unexpected(joined.error());
  }
  co_return lost ? kLinkFailed : 0;
}

awaitable<Result<int>> proxy_front(Context& context, std::string name) {
  base::set_log_level(base::LogLevel::kError);  // what matters is told once
  if (const auto record = state::load(context.paths, name); !record) {
    co_return tl::make_unexpected(record.error());
  }
  auto keys = tunnels::front_keys(context.paths, name);
  if (!keys) {
    co_return tl::make_unexpected(keys.error());
  }
  co_return co_await serve_stdio(context, std::move(name), *std::move(keys));
}

// One stream over the job's link, to the agent's own SSH server.
awaitable<Result<void>> proxy_raw(Context& context, const std::string& name) {
  const auto link = co_await link_process::Attached::attach(context.paths, name, {.what = "proxy"});
  if (!link) {
    co_return tl::make_unexpected(link.error());
  }
  StreamRequest request;
  request.mutable_ssh();
  const auto opened = co_await (*link)->open(request);
  if (!opened) {
    co_return tl::make_unexpected(opened.error());
  }
  co_return co_await join_stdio(*opened->stream);
}

awaitable<Result<void>> proxy_direct(Context& context, const std::string& name) {
  const auto record = state::load(context.paths, name);
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
  ::signal(SIGPIPE, SIG_IGN);
  stream::SocketStream stream(context.executor, std::move(dialled->socket));
  co_return co_await join_stdio(stream);
}

awaitable<Result<int>> proxy(Context& context, const Options& options) {
  const auto name = instance_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  if (!options.raw && !options.direct) {
    co_return co_await proxy_front(context, *name);
  }
  const auto done =
      options.direct ? co_await proxy_direct(context, *name) : co_await proxy_raw(context, *name);
  if (!done) {
    co_return tl::make_unexpected(done.error());
  }
  co_return 0;
}

}  // namespace

Run setup_proxy(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job")->required();
  app.add_flag(
      "--raw", o->raw,
      "Do not end SSH here: pass its bytes to the agent's own server, over the job's link");
  app.add_flag("--direct", o->direct,
               "The same as --raw over a connection of its own, without the link");
  return [o] { return run([o](Context& context) { return proxy(context, *o); }, kLinkFailed); };
}

}  // namespace rdev::commands
