#include "agent/serve.h"

#include <sys/socket.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <functional>
#include <optional>

#include "agent/authorizer.h"
#include "agent/endpoint.h"
#include "agent/job_command.h"
#include "agent/process/descendants.h"
#include "agent/services_table.h"
#include "protocol/base/file.h"
#include "protocol/base/listener.h"
#include "protocol/base/log.h"
#include "protocol/base/unix_socket.h"
#include "protocol/base/with_timeout.h"

namespace rdev::agent {
namespace {

// What processes get between SIGTERM and SIGKILL.
constexpr std::chrono::seconds kGrace{5};
constexpr std::chrono::milliseconds kKillStep{100};
constexpr int kKillSteps = 50;

awaitable<Result<void>> childless(process::Reaper& reaper) {
  co_await reaper.childless();
  co_return Result<void>();
}

class Agent final {
 public:
  Agent(const asio::any_io_executor& executor, OwnProcess own, ServeOptions options)
      : own_(std::move(own)),
        options_(std::move(options)),
        account_(process::own_account(own_.environment)),
        reaper_(executor),
        sessions_(reaper_, own_.limits, settings()),
        forwards_(executor),
        authorizer_(options_.config.authorized_keys, account_),
        server_(executor, std::move(options_.config.host_key), authorizer_,
                services_table(sessions_, forwards_)),
        signals_(executor),
        accepting_(executor),
        tasks_(executor),
        stop_(executor) {}

  Result<void> listen();
  awaitable<void> run();
  int exit_code() const { return exit_code_.value_or(0); }

 private:
  services::SessionSettings settings() const {
    return {.job_environment = own_.environment,
            .own = account_,
            .fallback_home = options_.config.fallback_home,
            .login_shell = options_.config.login_shell,
            .agent_program = own_.program.get()};
  }
  void accept(base::Fd socket) { server_.serve(std::move(socket)); }
  void accept_local(base::Fd socket);
  void take_signals();
  awaitable<void> follow_signals();
  awaitable<void> end_of_life();
  awaitable<void> run_command();
  awaitable<void> end_processes();
  void stop(const char* why);

  OwnProcess own_;
  ServeOptions options_;
  process::Account account_;
  process::Reaper reaper_;
  services::Sessions sessions_;
  services::Forwards forwards_;
  KeyAuthorizer authorizer_;
  sshd::Server server_;
  asio::signal_set signals_;
  std::vector<base::Fd> tcp_;
  std::optional<base::UnixListener> unix_;
  base::TaskGroup accepting_, tasks_;
  base::Notify stop_;
  const char* stopping_ = nullptr;  // why; set once
  std::optional<int> exit_code_;
};

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
    accept(std::move(socket));
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
  tasks_.spawn("signals", follow_signals());
  if (options_.config.lifetime) {
    tasks_.spawn("lifetime", end_of_life());
  }
  if (!options_.command.empty()) {
    tasks_.spawn("command", run_command());
  }
  while (stopping_ == nullptr) {
    co_await stop_.wait();
  }
  base::log_info("stopping", {{"why", stopping_}});
  accepting_.cancel();
  co_await accepting_.wait();
  unix_.reset();
  tcp_.clear();
  co_await end_processes();
  co_await server_.stop();
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
    if (stopping_ != nullptr) {
      process::signal_descendants(SIGKILL);  // asked twice: no more patience
    }
    stop(::strsignal(number));
  }
}

awaitable<void> Agent::end_of_life() {
  asio::steady_timer timer(co_await asio::this_coro::executor, *options_.config.lifetime);
  co_await timer.async_wait(use_tuple);
  stop("the job's lifetime is over");
}

awaitable<void> Agent::run_command() {
  exit_code_ = co_await run_job_command(reaper_, own_, options_.command);
  if (options_.config.exit_with_command) {
    stop("the job's command ended");
  }
}

void Agent::stop(const char* why) {
  if (stopping_ == nullptr) {
    stopping_ = why;
    stop_.notify();
  }
}

// SIGTERM, time, SIGKILL: to all below this process, also those that left their session.
awaitable<void> Agent::end_processes() {
  process::signal_descendants(SIGTERM);
  sessions_.hang_up();
  if (co_await base::with_timeout(childless(reaper_), kGrace, "the end of the processes")) {
    co_return;
  }
  base::log_warning("killing what did not end on SIGTERM",
                    {{"processes", process::descendants().size()}});
  for (int step = 0; step < kKillSteps; ++step) {
    process::signal_descendants(SIGKILL);
    if (co_await base::with_timeout(childless(reaper_), kKillStep, "the end of the processes")) {
      co_return;
    }
  }
  base::log_error("processes are left that SIGKILL does not end",
                  {{"processes", process::descendants().size()}});
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
