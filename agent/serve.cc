#include "agent/serve.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>

#include "agent/authorizer.h"
#include "agent/end_processes.h"
#include "agent/endpoint.h"
#include "agent/job_command.h"
#include "agent/lifetime.h"
#include "agent/link/links.h"
#include "agent/link_kinds.h"
#include "agent/process/descendants.h"
#include "agent/process/spare.h"
#include "agent/services_table.h"
#include "agent/tidy.h"
#include "agent/vitals/vitals.h"
#include "protocol/base/file.h"
#include "protocol/base/listener.h"
#include "protocol/base/log.h"
#include "protocol/base/unix_socket.h"
#include "protocol/base/with_timeout.h"

namespace rdev::agent {
namespace {

class Agent final {
 public:
  Agent(const asio::any_io_executor& executor, OwnProcess own, ServeOptions options)
      : own_(std::move(own)),
        options_(std::move(options)),
        account_(process::own_account(own_.environment)),
        reaper_(executor),
        spare_(executor, reaper_, own_.program.get()),
        sessions_(reaper_, own_.limits, settings()),
        forwards_(executor, options_.config.denials),
        listeners_(executor, options_.config.denials),
        agents_(executor, account_, own_place(), options_.config.denials),
        lifetime_(executor, lifetime_options()),
        links_(executor, link_options()),
        tidy_(executor),
        authorizer_(options_.config.authorized_keys, account_),
        server_(executor, std::move(options_.config.host_key), authorizer_,
                services_table({.sessions = sessions_,
                                .forwards = forwards_,
                                .listeners = listeners_,
                                .agents = agents_,
                                .links = links_,
                                .tidy = tidy_})),
        signals_(executor),
        accepting_(executor),
        tasks_(executor),
        stop_(executor) {}

  Result<void> listen();
  awaitable<void> run();
  int exit_code() const { return exit_code_.value_or(0); }

 private:
  services::SessionSettings settings() {
    return {.job_environment = own_.environment,
            .own = account_,
            .fallback_home = options_.config.fallback_home,
            .login_shell = options_.config.login_shell,
            .agent_program = own_.program.get(),
            .note = std::bind(&Lifetime::end_in_words, &lifetime_),
            .spare = &spare_};
  }
  std::string own_place() const {
    return std::filesystem::path(options_.config.socket).parent_path().string();
  }
  LifetimeOptions lifetime_options();
  agent_link::Options link_options();
  Vitals vitals() const;
  void warn(const std::string& sentence);
  void accept(base::Fd socket) { server_.serve(std::move(socket)); }
  void accept_local(base::Fd socket);
  void take_signals();
  awaitable<void> follow_signals();
  awaitable<void> end_of_life();
  awaitable<void> run_command();
  void stop(std::string why);

  const std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  OwnProcess own_;
  ServeOptions options_;
  process::Account account_;
  process::Reaper reaper_;
  process::Spare spare_;
  services::Sessions sessions_;
  services::Forwards forwards_;
  services::Listeners listeners_;
  services::AgentForwards agents_;
  Lifetime lifetime_;
  agent_link::Links links_;
  Tidy tidy_;
  KeyAuthorizer authorizer_;
  sshd::Server server_;
  asio::signal_set signals_;
  std::vector<base::Fd> tcp_;
  std::optional<base::UnixListener> unix_;
  base::TaskGroup accepting_, tasks_;
  base::Notify stop_;
  std::optional<std::string> stopping_;  // why; set once
  std::optional<int> exit_code_;
};

LifetimeOptions Agent::lifetime_options() {
  return {.job_name = options_.config.job_name,
          .limit = options_.config.lifetime,
          .warn = std::bind_front(&Agent::warn, this)};
}

agent_link::Options Agent::link_options() {
  return {.self = {.job_name = options_.config.job_name, .program = "rdev-agent " RDEV_VERSION},
          .kinds = link_kinds({.sessions = sessions_,
                               .forwards = forwards_,
                               .listeners = listeners_,
                               .agents = agents_,
                               .server = server_,
                               .lifetime = lifetime_,
                               .tidy = tidy_}),
          .vitals = std::bind_front(&Agent::vitals, this)};
}

Vitals Agent::vitals() const {
  Vitals now = vitals::read();
  const auto uptime = std::chrono::steady_clock::now() - started_;
  now.set_uptime_s(
      static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count()));
  if (const auto remaining = lifetime_.remaining()) {
    now.set_remaining_s(static_cast<std::uint64_t>(remaining->count()));
  }
  return now;
}

void Agent::warn(const std::string& sentence) {
  base::log_warning("the job ends soon", {{"what", sentence}});
  sessions_.announce(sentence);
}

Result<void> Agent::listen() {
  take_signals();
  std::vector<asio::ip::tcp::endpoint> endpoints;
  for (const auto& endpoint : options_.config.listen) {
    auto socket = base::listen_tcp(endpoint);
    if (!socket) {
      return tl::make_unexpected(socket.error());
    }
    endpoints.push_back(base::local_endpoint(socket->get()));
    base::log_info("listening", {{"address", text(endpoints.back())}});
    tcp_.push_back(*std::move(socket));
  }
  if (options_.listener) {
    endpoints.push_back(base::local_endpoint(options_.listener.get()));
    base::log_info("listening", {{"address", text(endpoints.back())}});
    tcp_.push_back(std::move(options_.listener));
  }
  if (!options_.config.socket.empty()) {
    const std::filesystem::path path = options_.config.socket;
    if (auto made = base::make_private_dir(path.parent_path()); !made) {
      return tl::make_unexpected(made.error());
    }
    auto listener = base::UnixListener::open(options_.config.socket);
    if (!listener) {
      return tl::make_unexpected(listener.error());
    }
    unix_.emplace(*std::move(listener));
    base::log_info("listening", {{"socket", options_.config.socket}});
  }
  if (options_.listening) {
    options_.listening(endpoints);
  }
  return {};
}

void Agent::accept_local(base::Fd socket) {
  if (base::is_trusted_peer(socket.get())) {
    server_.serve(std::move(socket), "unix");
  } else {
    base::log_warning("a process of another user was turned away from the socket");
  }
}

awaitable<void> Agent::run() {
  for (const base::Fd& listener : tcp_) {
    accepting_.spawn("tcp",
                     base::accept_loop(listener.get(), std::bind_front(&Agent::accept, this)));
  }
  if (unix_) {
    accepting_.spawn("socket",
                     base::accept_loop(unix_->fd(), std::bind_front(&Agent::accept_local, this)));
  }
  accepting_.spawn("spare process", spare_.keep());
  tasks_.spawn("signals", follow_signals());
  tasks_.spawn("lifetime", end_of_life());
  if (!options_.command.empty()) {
    tasks_.spawn("command", run_command());
  }
  while (!stopping_) {
    co_await stop_.wait();
  }
  base::log_info("stopping", {{"why", *stopping_}});
  accepting_.cancel();
  co_await accepting_.wait();
  unix_.reset();
  tcp_.clear();
  co_await end_processes(reaper_, sessions_);
  co_await links_.stop(*stopping_);
  co_await server_.stop();
  co_await listeners_.stop();
  co_await agents_.stop();
  tasks_.cancel();
  co_await tasks_.wait();
}

// Before anything is announced: process 1 does not get signals that it has no handler for.
void Agent::take_signals() {
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  signals_.add(SIGQUIT);  // the STOPSIGNAL of some images
  // Started with nohup(1), it stays when the terminal goes.
  struct sigaction hangup{};
  if (::sigaction(SIGHUP, nullptr, &hangup) == 0 && hangup.sa_handler != SIG_IGN) {
    signals_.add(SIGHUP);
  }
}

awaitable<void> Agent::follow_signals() {
  for (;;) {
    const auto [error, number] = co_await signals_.async_wait(use_tuple);
    if (stopping_) {
      process::signal_descendants(SIGKILL);  // asked twice: no more patience
    }
    stop(std::string("the agent was told to stop: ") + ::strsignal(number));
  }
}

awaitable<void> Agent::end_of_life() {
  co_await lifetime_.over();
  stop("the job's lifetime is over");
}

awaitable<void> Agent::run_command() {
  exit_code_ = co_await run_job_command(reaper_, own_, options_.command);
  if (options_.config.exit_with_command) {
    stop("the job's command ended");
  }
}

void Agent::stop(std::string why) {
  if (!stopping_) {
    stopping_ = std::move(why);
    stop_.notify();
  }
}

}  // namespace

Result<int> serve(OwnProcess own, ServeOptions options) {
  asio::io_context context(1);
  Agent agent(context.get_executor(), std::move(own), std::move(options));
  if (auto listening = agent.listen(); !listening) {
    return tl::make_unexpected(listening.error());
  }
  std::exception_ptr thrown;
  asio::co_spawn(context, agent.run(), [&](const std::exception_ptr& e) {
    thrown = e;
    context.stop();
  });
  context.run();
  if (thrown) {
    std::rethrow_exception(thrown);
  }
  return agent.exit_code();
}

}  // namespace rdev::agent
