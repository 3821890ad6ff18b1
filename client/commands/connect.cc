#include <boost/asio/steady_timer.hpp>
#include <boost/json.hpp>
#include <ctime>
#include <memory>
#include <optional>

#include "client/commands/command.h"
#include "client/commands/context.h"
#include "client/commands/interrupt.h"
#include "client/commands/jobs.h"
#include "client/commands/live_line.h"
#include "client/sshconfig/quote.h"
#include "client/state/front_keys.h"
#include "client/tunnels/holder.h"
#include "client/tunnels/own_tunnels.h"
#include "client/tunnels/saved.h"
#include "client/tunnels/spec.h"
#include "client/ui/progress.h"
#include "client/ui/table.h"
#include "protocol/base/log.h"
#include "protocol/ssh/keys.h"

namespace rdev::commands {
namespace {

namespace json = boost::json;

constexpr int kLinkFailed = 255;
constexpr char kHost[] = "127.0.0.1";
// The first choice of a port follows from the job's name, so that it stays the same when the job is
// made anew. Below the ports that the kernel gives to outgoing connections.
constexpr std::uint16_t kFirstPort = 20000;
constexpr std::uint16_t kPorts = 10000;
constexpr int kAttempts = 64;

struct Options {
  std::string name;
  std::uint16_t port = 0;
  bool raw = false;
  bool detach = false;
  bool json = false;
};

Tunnel::Kind kind_of(const Options& options) { return options.raw ? Tunnel::RAW : Tunnel::CONNECT; }

Tunnel connect_tunnel(Tunnel::Kind kind, std::uint16_t port) {
  Tunnel tunnel;
  tunnel.set_kind(kind);
  tunnel.set_listen_host(kHost);
  tunnel.set_listen_port(port);
  return tunnel;
}

// FNV-1a: spreads, nothing more.
std::uint16_t first_choice(const std::string& job, Tunnel::Kind kind) {
  std::uint32_t hash = 0x811c9dc5U;
  for (const char c : kind == Tunnel::RAW ? job + " --raw" : job) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x01000193U;
  }
  return static_cast<std::uint16_t>(kFirstPort + hash % kPorts);
}

// Opens a tunnel on a port.
using Add = std::function<awaitable<Result<TunnelState>>(Tunnel)>;

// The port that was asked for, or that of last time; else the first free one.
awaitable<Result<TunnelState>> add_stable(const Context& context, const Options& options,
                                          std::string job, Add add) {
  const Tunnel::Kind kind = kind_of(options);
  const auto kept = tunnels::load_connect_port(context.paths, job, kind);
  std::uint16_t port = options.port != 0 ? options.port : kept.value_or(first_choice(job, kind));
  for (int attempt = 1;; ++attempt) {
    auto state = co_await add(connect_tunnel(kind, port));
    if (!state && state.error().code == Code::kExists && (options.port != 0 || kept)) {
      co_return fail(Code::kExists, state.error().message +
                                        " (rdev connect --port gives the job another one; another "
                                        "rdev connect may be running)");
    }
    if (!state && state.error().code == Code::kExists && attempt < kAttempts) {
      port = static_cast<std::uint16_t>(kFirstPort + (port - kFirstPort + 1) % kPorts);
      continue;
    }
    if (state && port != kept) {
      if (auto saved = tunnels::save_connect_port(context.paths, job, kind, port); !saved) {
        note("the port cannot be kept for the next time: " + saved.error().message);
      }
    }
    co_return state;
  }
}

struct Described {
  state::JobRecord record;
  std::uint16_t port = 0;
  std::filesystem::path identity, known_hosts;
  ssh::PublicKey host_key;  // that the port shows
  std::string command;      // ready for a shell
};

bool is_plain(const std::string& word) {
  return word.find_first_not_of(
             "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
             "@%+=:,./_-") == std::string::npos;
}

// Quoted where it must be: people read it.
std::string shell_word(const std::string& word) {
  return is_plain(word) ? word : sshconfig::shell_quote(word);
}

// As the value of an option of ssh.
Result<std::string> ssh_path(const std::filesystem::path& path) {
  const std::string escaped = sshconfig::escape_percent(path.string());
  return is_plain(escaped) ? escaped : sshconfig::quote_argument(escaped);
}

// The server's key that the port shows.
Result<ssh::PublicKey> shown_key(const Context& context, const state::JobRecord& record,
                                 Tunnel::Kind kind) {
  if (kind == Tunnel::RAW) {
    return ssh::PublicKey::parse(record.host_public_key);
  }
  const auto key = state::front_key(context.paths, record.name);
  return key ? Result<ssh::PublicKey>(key->public_key()) : tl::make_unexpected(key.error());
}

Result<Described> describe(const Context& context, state::JobRecord record, Tunnel::Kind kind,
                           std::uint32_t port) {
  Described described{.port = static_cast<std::uint16_t>(port),
                      .identity = identity_file(context, record.name),
                      .known_hosts = state::job_files(context.paths, record.name).known_hosts};
  const auto key = shown_key(context, record, kind);
  const auto known_hosts = ssh_path(described.known_hosts);
  const auto identity = ssh_path(described.identity);
  if (!key) {
    return tl::make_unexpected(key.error());
  }
  if (!known_hosts || !identity) {
    return tl::make_unexpected(known_hosts ? identity.error() : known_hosts.error());
  }
  described.host_key = *key;
  // -i has no spelling for a '%'.
  const std::string path = described.identity.string();
  const std::string key_words =
      *identity == path ? "-i " + path : "-o " + shell_word("IdentityFile=" + *identity);
  described.command = "ssh -p " + std::to_string(port) + " " + key_words + " -o " +
                      shell_word("UserKnownHostsFile=" + *known_hosts) +
                      " -o HostKeyAlias=" + sshconfig::host_alias(record.name) +
                      " -o IdentitiesOnly=yes -o StrictHostKeyChecking=yes " +
                      shell_word(record.user + "@" + kHost);
  described.record = std::move(record);
  return described;
}

std::string as_json(const Described& described) {
  const json::object object = {
      {"name", described.record.name},
      {"host", kHost},
      {"port", described.port},
      {"user", described.record.user},
      {"identity_file", described.identity.string()},
      {"known_hosts_file", described.known_hosts.string()},
      {"host_key_alias", sshconfig::host_alias(described.record.name)},
      {"host_key", described.host_key.text()},
      {"host_key_fingerprint", described.host_key.fingerprint()},
      {"command", described.command},
  };
  return json::serialize(object) + "\n";
}

std::string as_text(const Described& described) {
  return ui::render_table({
             {"host", kHost},
             {"port", std::to_string(described.port)},
             {"user", described.record.user},
             {"identity file", described.identity.string()},
             {"host key", described.host_key.text()},
             {"", described.host_key.fingerprint()},
         }) +
         "\n" + described.command + "\n";
}

Result<void> tell(const Context& context, const Options& options, const state::JobRecord& record,
                  std::uint32_t port) {
  const auto described = describe(context, record, kind_of(options), port);
  if (!described) {
    return tl::make_unexpected(described.error());
  }
  return print(options.json ? as_json(*described) : as_text(*described));
}

// What the holder has, if it has one.
awaitable<Result<std::optional<TunnelState>>> find_detached(const Context& context, std::string job,
                                                            Tunnel::Kind kind) {
  HolderRequest request;
  request.set_list(true);
  const auto reply =
      co_await tunnels::ask(context.paths, job, std::move(request), tunnels::Start::kNo);
  if (!reply) {
    co_return tl::make_unexpected(reply.error());
  }
  for (const TunnelState& state : reply->tunnels()) {
    if (state.tunnel().kind() == kind && state.problem().empty()) {
      co_return state;
    }
  }
  co_return std::optional<TunnelState>();
}

awaitable<Result<TunnelState>> add_to_holder(const Context& context, std::string job,
                                             Tunnel tunnel) {
  HolderRequest request;
  *request.mutable_add() = std::move(tunnel);
  const auto reply =
      co_await tunnels::ask(context.paths, job, std::move(request), tunnels::Start::kYes);
  if (!reply) {
    co_return tl::make_unexpected(reply.error());
  }
  co_return reply->tunnels_size() == 1 ? reply->tunnels(0) : TunnelState();
}

awaitable<Result<int>> detach(const Context& context, const Options& options,
                              state::JobRecord record) {
  const Add add = [&](Tunnel tunnel) {
    return add_to_holder(context, record.name, std::move(tunnel));
  };
  const auto state = co_await add_stable(context, options, record.name, add);
  if (!state) {
    co_return tl::make_unexpected(state.error());
  }
  const auto told = tell(context, options, record, state->bound_port());
  co_return told ? Result<int>(0) : tl::make_unexpected(told.error());
}

// Until the job is over or a signal comes.
awaitable<Result<int>> stay(const Context& context, const Options& options, state::JobRecord record,
                            tunnels::OwnTunnels& own) {
  const Add add = [&](Tunnel tunnel) { return own.add(std::move(tunnel)); };
  const auto state = co_await add_stable(context, options, record.name, add);
  if (!state) {
    co_return tl::make_unexpected(state.error());
  }
  if (auto told = tell(context, options, record, state->bound_port()); !told) {
    co_return tl::make_unexpected(told.error());
  }
  LiveLine line(context, record, own);
  const Error over = co_await line.until_over();
  note(over.message);
  co_return kLinkFailed;
}

awaitable<Result<int>> stay_connected(const Context& context, const Options& options,
                                      state::JobRecord record) {
  base::set_log_level(ui::terminal_of(2) == ui::Terminal::kYes ? base::LogLevel::kError
                                                               : base::LogLevel::kWarning);
  tunnels::OwnTunnels own(context.executor, context.paths, record.name,
                          tunnels::Load::kInteractive);
  int signal = 0;
  auto result = co_await interruptible(stay(context, options, std::move(record), own), &signal);
  co_await own.stop();
  if (signal != 0) {
    co_return 128 + signal;
  }
  co_return result;
}

awaitable<Result<int>> connect(Context& context, const Options& options) {
  const auto name = instance_name(options.name);
  if (!name) {
    co_return tl::make_unexpected(name.error());
  }
  auto record = state::load(context.paths, *name);
  if (!record) {
    co_return tl::make_unexpected(record.error());
  }
  const auto detached = co_await find_detached(context, *name, kind_of(options));
  if (!detached) {
    co_return tl::make_unexpected(detached.error());
  }
  if (*detached && (options.port == 0 || options.port == (*detached)->bound_port())) {
    note("it is open in the background; rdev forward " + *name + " --remove " +
         std::to_string((*detached)->bound_port()) + " ends it");
    const auto told = tell(context, options, *record, (*detached)->bound_port());
    co_return told ? Result<int>(0) : tl::make_unexpected(told.error());
  }
  if (options.detach) {
    co_return co_await detach(context, options, std::move(*record));
  }
  co_return co_await stay_connected(context, options, std::move(*record));
}

}  // namespace

Run setup_connect(CLI::App& app, const std::vector<std::string>&) {
  auto o = std::make_shared<Options>();
  app.add_option("NAME", o->name, "The job; by default that of the working directory");
  app.add_option("--port", o->port, "The local port; by default the job's own, always the same")
      ->check(CLI::Range(1, 65535));
  app.add_flag(
      "--raw", o->raw,
      "Do not end SSH here: the port leads to the agent's own server, over the job's link");
  app.add_flag("--detach", o->detach, "Leave it open in the background");
  app.add_flag("--json", o->json, "The result as JSON");
  return [o] { return run([o](Context& context) { return connect(context, *o); }, kLinkFailed); };
}

}  // namespace rdev::commands
