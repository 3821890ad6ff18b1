#include <algorithm>
#include <memory>
#include <optional>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/interrupt.h"
#include "client/commands/jobs.h"
#include "client/commands/tunnel_text.h"
#include "client/state/job_record.h"
#include "client/tunnels/called.h"
#include "client/tunnels/holder.h"
#include "client/tunnels/own_tunnels.h"
#include "client/tunnels/spec.h"
#include "protocol/base/log.h"

namespace rdev::commands {
namespace {

constexpr int kLinkFailed = 255;

struct Options {
  std::string name;
  std::vector<std::string> local, remote, dynamic;
  std::optional<std::string> tunnel_name;
  std::string remove;
  bool exact = false;
  bool foreground = false;
  bool list = false;
  bool json = false;
};

Result<void> check(const Options& options) {
  const bool adds = !options.local.empty() || !options.remote.empty() || !options.dynamic.empty();
  if (adds + options.list + !options.remove.empty() != 1) {
    return fail(Code::kUsage, "give -L, -R or -D, or one of --list and --remove");
  }
  if (options.foreground && !adds) {
    return fail(Code::kUsage, "--foreground is for -L, -R and -D");
  }
  if (options.exact && options.local.empty() && options.dynamic.empty()) {
    return fail(Code::kUsage, "--exact is for -L and -D (the port of an -R is always exact)");
  }
  if (!options.tunnel_name) {
    return {};
  }
  if (options.local.size() + options.remote.size() + options.dynamic.size() != 1) {
    return fail(Code::kUsage, "--name is for one -L, -R or -D");
  }
  return tunnels::check_name(*options.tunnel_name);
}

Result<std::vector<Tunnel>> parse_all(const Options& options) {
  std::vector<Tunnel> all;
  for (const auto& [kind, specs] :
       {std::pair(Tunnel::LOCAL, &options.local), std::pair(Tunnel::REMOTE, &options.remote),
        std::pair(Tunnel::DYNAMIC, &options.dynamic)}) {
    for (const std::string& spec : *specs) {
      auto tunnel = tunnels::parse_spec(kind, spec);
      if (!tunnel) {
        return tl::make_unexpected(tunnel.error());
      }
      tunnel->set_exact(options.exact);
      tunnel->set_name(options.tunnel_name.value_or(""));
      all.push_back(std::move(*tunnel));
    }
  }
  return all;
}

// What a user would not expect of a tunnel that has just been opened.
void tell_of(const TunnelState& state, const state::JobRecord& record) {
  const auto network = record.shares_host_network ? HostNetwork::kShared : HostNetwork::kOwn;
  for (const std::string& text :
       {tunnels::moved_text(state), exposure_text(state, record.name, network)}) {
    if (!text.empty()) {
      note(text);
    }
  }
}

Result<void> print_states(const Options& options, const TunnelStates& states,
                          const std::string& job) {
  return print(options.json ? tunnels_as_json(states) : tunnels_as_lines(states, job));
}

// The job itself is gone or over.
int exit_code(const Error& error) {
  return error.code == Code::kNotFound || error.code == Code::kClosed ? kLinkFailed : 1;
}

awaitable<Result<TunnelState>> add_to_holder(const Context& context, std::string job,
                                             Tunnel tunnel) {
  HolderRequest request;
  *request.mutable_add() = std::move(tunnel);
  auto reply = co_await tunnels::ask(context.paths, job, std::move(request), tunnels::Start::kYes);
  if (!reply) {
    co_return tl::make_unexpected(reply.error());
  }
  if (reply->tunnels_size() != 1) {
    co_return fail(Code::kProtocol, "the holder of the tunnels of " + job + " gave no answer");
  }
  co_return reply->tunnels(0);
}

// Each by itself: one that cannot be is no reason to end the others.
awaitable<Result<int>> add(const Context& context, const Options& options, state::JobRecord record,
                           std::vector<Tunnel> tunnels) {
  TunnelStates states;
  int code = 0;
  for (Tunnel& tunnel : tunnels) {
    auto state = co_await add_to_holder(context, record.name, std::move(tunnel));
    if (state) {
      tell_of(*state, record);
      states.push_back(std::move(*state));
    } else {
      note(state.error().message);
      code = exit_code(state.error());
    }
  }
  const auto printed = print_states(options, states, record.name);
  co_return printed ? Result<int>(code) : tl::make_unexpected(printed.error());
}

// Until the job is over or a signal comes.
awaitable<Result<int>> stay(tunnels::OwnTunnels& own, const Options& options,
                            state::JobRecord record, std::vector<Tunnel> tunnels) {
  TunnelStates states;
  for (Tunnel& tunnel : tunnels) {
    auto state = co_await own.add(std::move(tunnel));
    if (!state) {
      co_return tl::make_unexpected(state.error());
    }
    tell_of(*state, record);
    states.push_back(std::move(*state));
  }
  if (auto printed = print_states(options, states, record.name); !printed) {
    co_return tl::make_unexpected(printed.error());
  }
  const auto over = co_await own.over();
  note(over.error().message);
  co_return kLinkFailed;
}

awaitable<Result<int>> stay_in_foreground(const Context& context, const Options& options,
                                          state::JobRecord record, std::vector<Tunnel> tunnels) {
  base::set_log_level(base::LogLevel::kWarning);
  tunnels::OwnTunnels own(context.executor, context.paths, record.name, tunnels::Load::kBulk);
  int signal = 0;
  auto result =
      co_await interruptible(stay(own, options, std::move(record), std::move(tunnels)), &signal);
  co_await own.stop();
  if (signal != 0) {
    co_return 128 + signal;
  }
  co_return result;
}

awaitable<Result<TunnelStates>> states_of(const Context& context, std::string job) {
  HolderRequest request;
  request.set_list(true);
  const auto reply =
      co_await tunnels::ask(context.paths, job, std::move(request), tunnels::Start::kNo);
  if (!reply) {
    co_return tl::make_unexpected(reply.error());
  }
  co_return TunnelStates(reply->tunnels().begin(), reply->tunnels().end());
}

awaitable<Result<int>> list(const Context& context, const Options& options, std::string job) {
  const auto states = co_await states_of(context, job);
  if (!states) {
    co_return tl::make_unexpected(states.error());
  }
  const auto printed =
      print(options.json ? tunnels_as_json(*states) : tunnels_as_table(*states, job));
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

awaitable<Result<int>> remove(const Context& context, const Options& options, std::string job) {
  auto states = co_await states_of(context, job);
  if (!states) {
    co_return tl::make_unexpected(states.error());
  }
  const bool all = options.remove == "all";
  if (!all) {
    *states = tunnels::all_called(*states, options.remove);
  }
  if (states->empty() && !all) {
    co_return fail(Code::kNotFound, job + " has no tunnel '" + options.remove + "' (rdev forward " +
                                        job + " --list shows them)");
  }
  for (const TunnelState& state : *states) {
    HolderRequest request;
    *request.mutable_remove() = state.tunnel();
    const auto reply =
        co_await tunnels::ask(context.paths, job, std::move(request), tunnels::Start::kNo);
    if (!reply) {
      co_return tl::make_unexpected(reply.error());
    }
    if (!options.json) {
      note("removed " + tunnels::describe(state.tunnel(), state.bound_port(), job));
    }
  }
  const auto printed = options.json ? print(tunnels_as_json(*states)) : Result<void>();
  co_return printed ? Result<int>(0) : tl::make_unexpected(printed.error());
}

awaitable<Result<int>> forward(Context& context, const Options& options) {
  const auto name = instance_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  if (auto checked = check(options); !checked) {
    co_return tl::make_unexpected(checked.error());
  }
  auto tunnels = parse_all(options);
  if (!tunnels) {
    co_return tl::make_unexpected(tunnels.error());
  }
  if (options.list) {
    co_return co_await list(context, options, *name);
  }
  if (!options.remove.empty()) {
    co_return co_await remove(context, options, *name);
  }
  auto record = state::load(context.paths, *name);
  if (!record) {
    note(record.error().message);
    co_return exit_code(record.error());
  }
  co_return co_await (
      options.foreground
          ? stay_in_foreground(context, options, std::move(*record), std::move(*tunnels))
          : add(context, options, std::move(*record), std::move(*tunnels)));
}

}  // namespace

Run setup_forward(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job")->required();
  app.add_option("-L,--local", o->local,
                 "[BIND:]PORT:HOST:PORT or with /PATHs: listen here, connect from the job")
      ->allow_extra_args(false);
  app.add_option("-R,--remote", o->remote, "The same: listen in the job, connect from here")
      ->allow_extra_args(false);
  app.add_option("-D,--dynamic", o->dynamic,
                 "[BIND:]PORT: a SOCKS server here; its connections and names start in the job")
      ->allow_extra_args(false);
  app.add_flag("--exact", o->exact,
               "Fail when the port of -L or -D is taken, instead of the next free one");
  app.add_option("--name", o->tunnel_name, "What the tunnel is called, for --remove and --list");
  app.add_flag("--foreground", o->foreground, "Stay, and end the tunnels with ^C");
  app.add_flag("--list", o->list, "Show the job's background tunnels");
  app.add_option("--remove", o->remove,
                 "End one and its connections: its name, spec, port or path, or all");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return forward(context, *o); }); };
}

}  // namespace rdev::commands
